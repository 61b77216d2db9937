package consulnaming

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/consul/api"
)

// firstRequest is what an agent is asked first for a target, whose path and parameters
// are behind "consul:///".
func firstRequest(t *testing.T, rest string, opts ...Option) (asked *http.Request) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			if asked == nil {
				asked = r
			}
			return silent(r)
		})
		r, err := build(t, NewBuilderWithClient(client, opts...), "consul:///"+rest, newFakeConn())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.Close()
		synctest.Wait()
	})
	return asked
}

// Each parameter reaches the agent: alone, by each of its names, in any case of letters,
// and in place of an option.
func TestParameters(t *testing.T) {
	const usual = "consistent=&passing=1&wait=60000ms"
	others := []Option{
		Tags("other", "two"), Healthy(PassingOrWarning), nil,
		QueryOptions(&api.QueryOptions{
			Datacenter: "other", Namespace: "other", Partition: "other", Peer: "other", Near: "other", Filter: "other", Token: "other",
			RequireConsistent: true, WaitTime: 7,
		}),
	}
	for given, want := range map[string]string{
		"":                                 usual,
		"&&":                               usual,
		"tag=a&tag=b%26c":                  usual + "&tag=a&tag=b%26c",
		"tags=a,b":                         usual + "&tag=a&tag=b",
		"tag=a&tags=b,,c&Tag=d":            usual + "&tag=a&tag=b&tag=c&tag=d",
		"dc=dc2":                           usual + "&dc=dc2",
		"ns=team&partition=east&peer=west": usual + "&ns=team&partition=east&peer=west",
		"near=_agent":                      usual + "&near=_agent",
		"filter=Service.Meta.a==%22b+c%22": usual + "&filter=Service.Meta.a%3D%3D%22b+c%22",
		"stale":                            "passing=1&stale=&wait=60000ms",
		"allow-stale=true":                 "passing=1&stale=&wait=60000ms",
		"stale=false":                      usual,
		"cached&stale=0":                   "cached=&passing=1&wait=60000ms",
		"consistent":                       usual,
		"require-consistent=TRUE":          usual,
		"passing":                          usual,
		"passing=false":                    "consistent=&wait=60000ms",
		"healthy=false":                    "consistent=&wait=60000ms",
		"HEALTHY=true":                     usual,
		"health=healthy":                   usual,
		"health=fallbackToUnhealthy":       "consistent=&wait=60000ms",
		"health=Warning":                   "consistent=&wait=60000ms",
		"health=any":                       "consistent=&wait=60000ms",
		"wait=14s":                         "consistent=&passing=1&wait=14000ms",
		"wait=0":                           usual,
		"wait=1h":                          "consistent=&passing=1&wait=600000ms",
		"timeout=61s":                      "consistent=&passing=1&wait=48000ms", // and 3 s, and 10 s
		"timeout=2s&wait=1m":               "consistent=&passing=1&wait=941ms",
		"timeout=1ns":                      "consistent=&passing=1&wait=1ms",
		"timeout=5m&max-backoff=5s":        usual,
		"limit=3":                          usual + "&near=_agent",
		"limit=3&near=n7":                  usual + "&near=n7",
		"limit=0":                          usual,
	} {
		asked := firstRequest(t, "svc?"+given)
		wanted, err := url.ParseQuery(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := asked.URL.Query(); !maps.EqualFunc(got, wanted, slices.Equal) || asked.URL.Path != "/v1/health/service/svc" {
			t.Errorf("%q: asks %s, want %s", given, asked.URL, want)
		}
		// With other options what the target says still counts.
		with := firstRequest(t, "svc?"+given, others...).URL.Query()
		for pair := range strings.SplitSeq(given, "&") {
			name, _, _ := strings.Cut(strings.ToLower(pair), "=")
			name = map[string]string{"tags": "tag", "allow-stale": "stale", "require-consistent": "consistent", "healthy": "passing", "health": "passing"}[name] + name
			for _, key := range []string{"tag", "dc", "ns", "partition", "peer", "filter", "stale", "cached", "passing"} {
				if strings.HasPrefix(name, key) && !slices.Equal(with[key], wanted[key]) {
					t.Errorf("%q with other options: asks for %s %q, want %q", given, key, with[key], wanted[key])
				}
			}
		}
	}
	if asked := firstRequest(t, "svc?Token=se%26cret", others...); asked.Header.Get("X-Consul-Token") != "se&cret" {
		t.Errorf("the token is %q", asked.Header.Get("X-Consul-Token"))
	}
	if asked := firstRequest(t, "svc", others...); asked.Header.Get("X-Consul-Token") != "other" || asked.URL.Query().Get("dc") != "other" {
		t.Errorf("without parameters the options do not count: %v", asked.URL)
	}
	if asked := firstRequest(t, "my%20svc%2Fa"); asked.URL.Path != "/v1/health/service/my svc/a" {
		t.Errorf("the service's name becomes %q", asked.URL.Path)
	}
}

// What is wrong is named, with what to write.
func TestTargetErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"consul:///":                         {`"consul:///"`, "no service", "consul:///service"},
		"consul://":                          {"no service", "consul:///service"},
		"consul://web":                       {`"consul://web"`, "an agent and no service", "consul:///service"},
		"consul://web?tag=a":                 {"an agent and no service"},
		"consul:web":                         {`"consul:web"`, "no slashes", "consul:///service"},
		"consul:///web/":                     {`"consul:///web/"`, "slash", "%2F"},
		"consul:///a/b":                      {"slash"},
		"consul:///web#x":                    {"#", "%23"},
		"consul:///web?tga=a":                {`unknown parameter "tga"`, "allow-stale, cached, consistent"},
		"consul:///web?=a":                   {`unknown parameter ""`},
		"consul:///web?%zz=a":                {`parameter "%zz"`, "name", "%25"},
		"consul:///web?dc=%zz":               {`parameter "dc"`, "value", "%25"},
		"consul:///web?dc":                   {`parameter "dc"`, "no value", "write dc= and one"},
		"consul:///web?token":                {`parameter "token"`, "no value"},
		"consul:///web?wait=10":              {`parameter "wait"`, `"10"`, "30s"},
		"consul:///web?wait=-1s":             {`parameter "wait"`, `"-1s"`},
		"consul:///web?TimeOut=x":            {`parameter "TimeOut"`, `"x"`},
		"consul:///web?max-backoff=1e3":      {`parameter "max-backoff"`},
		"consul:///web?limit=-1":             {`parameter "limit"`, `"-1"`},
		"consul:///web?limit=many":           {`parameter "limit"`, `"many"`},
		"consul:///web?stale=yes":            {`parameter "stale"`, `"yes"`, "true or false"},
		"consul:///web?stale=":               {`parameter "stale"`, "true or false"},
		"consul:///web?health=good":          {`parameter "health"`, `"good"`, "fallbackToUnhealthy"},
		"consul://h/web?scheme=ftp":          {`parameter "scheme"`, "http or https"},
		"consul:///web?passing&healthy":      {`"passing" and "healthy"`},
		"consul:///web?health=any&passing":   {`"health" and "passing"`},
		"consul:///web?dc=a&dc=b":            {`"dc" and "dc"`},
		"consul:///web?stale&consistent":     {`"consistent" excludes "stale"`},
		"consul:///web?consistent&cached":    {`"consistent" excludes`},
		"consul:///web?wait=\nERROR: forged": {"forged"},
	} {
		u, err := url.Parse(text)
		if err != nil { // grpc refuses it
			continue
		}
		_, err = parseTarget(u)
		if err == nil {
			t.Errorf("%q is no error", text)
			continue
		}
		for _, w := range append(want, "consulnaming: target ") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, want %q in it", text, err, w)
			}
		}
	}
	u, _ := url.Parse("consul:///web?stale=false&consistent")
	if _, err := parseTarget(u); err != nil {
		t.Error(err)
	}
}

var targetSeeds = []string{
	"consul://user:SECRET@host:8500/web?token=SECRET&wait=14s", "consul://h/web?token=SECRET&tkn=a", "consul:///web?TOKEN=SECRET%zz&dc=%zz",
	"consul:user:SECRET@host/web", "consul:///user:SECRET@host/web", "consul:///web?tok%65n=SECRET&wait=SECRET", "consul:///web?token=a#SECRET",
	"consul:///web?token=SECRET&SECRET=1", "consul:///web?tkn=SECRET", "consul:", "consul:///%2F", "consul:////web", "consul:///web?tag=a;b&tags=,&&=",
	"consul:///web?near=_agent&limit=2&passing=false&stale&cached&ns=a&partition=b&peer=c&filter=a==b&insecure&scheme=https&timeout=1s&max-backoff=1s&health=any",
}

// What stands where a secret may is not shown.
func TestTargetErrorsHideSecrets(t *testing.T) {
	for _, seed := range targetSeeds {
		u, err := url.Parse(strings.ReplaceAll(seed, "SECRET", testSecret))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseTarget(u); err != nil && strings.Contains(err.Error(), testSecret) {
			t.Errorf("%q: %v", seed, err)
		}
	}
}

// FuzzTarget holds that each target is an error that shows no token or password, or
// names a service.
func FuzzTarget(f *testing.F) {
	for _, seed := range targetSeeds {
		f.Add(strings.ReplaceAll(seed, "SECRET", testSecret))
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		target, err := parseTarget(u)
		if err == nil {
			if target.service == "" {
				t.Fatalf("%q: no service", text)
			}
			o := newOptions(target.options)
			if o.query.WaitTime <= 0 || o.query.WaitTime > longestWait || o.limit < 0 || o.timeout < 0 || o.maxBackoff < 0 {
				t.Fatalf("%q: %+v", text, o.asked)
			}
			return
		}
		if strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 4*errorLength {
			t.Fatalf("%q: the error is %q", text, err)
		}
		password, _ := u.User.Password()
		shown := strings.TrimPrefix(err.Error(), "consulnaming: target ")
		for _, secret := range append(tokensOf(u), password) {
			// A short one may be a part of what hides it.
			if len(secret) > len(hiddenText) && strings.Contains(shown, secret) {
				t.Fatalf("%q: the error shows the secret: %v", text, err)
			}
		}
	})
}

// tokensOf are the values of the parameter "token", as package net/url reads them.
func tokensOf(u *url.URL) (tokens []string) {
	for name, values := range u.Query() {
		if strings.EqualFold(name, "token") {
			tokens = append(tokens, values...)
		}
	}
	return tokens
}
