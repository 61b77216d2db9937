package consulnaming

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// The options of New work as there, for either kind of builder.
func TestOptionsOfABuilder(t *testing.T) {
	s := standIn(t)
	registerChecked(t, s, "svc", "p", api.HealthPassing, 1)
	registerChecked(t, s, "svc", "w", api.HealthWarning, 2)
	registerChecked(t, s, "svc", "c", api.HealthCritical, 3)
	register(t, s, "svc", "tagged", "10.0.0.1", 4, "v1", "eu")
	for what, test := range map[string]struct {
		opts []Option
		rest string
		want string // the ports
	}{
		"the default":            {nil, "", "1 4"},
		"Tags":                   {[]Option{Tags("v1", "eu")}, "", "4"},
		"a tag":                  {nil, "?tag=v1&tags=eu", "4"},
		"a tag that nobody has":  {[]Option{Tags("v1")}, "?tag=v2", ""},
		"no tag":                 {[]Option{Tags("v2")}, "?tag=", "1 4"},
		"PassingOnly":            {[]Option{PassingOnly(false)}, "", "1 2 3 4"},
		"passing=false":          {[]Option{Healthy(Passing)}, "?passing=false", "1 2 3 4"},
		"healthy":                {[]Option{PassingOnly(false)}, "?healthy", "1 4"},
		"Healthy":                {[]Option{Healthy(PassingOrWarning)}, "", "1 2 4"},
		"health=warning":         {nil, "?health=warning", "1 2 4"},
		"health=any":             {nil, "?health=any", "1 2 3 4"},
		"fallback, some pass":    {nil, "?health=fallbackToUnhealthy", "1 4"},
		"fallback, none passes":  {[]Option{QueryOptions(nil)}, "?health=fallbackToUnhealthy&tag=none", ""},
		"QueryOptions, cached":   {[]Option{QueryOptions(&api.QueryOptions{UseCache: true})}, "", "1 4"},
		"AddressFunc":            {[]Option{AddressFunc(portPlus(100))}, "", "101 104"},
		"AddressFunc that fails": {[]Option{AddressFunc(func(*api.ServiceEntry) api.ServiceAddress { panic("ouch") })}, "", ""},
	} {
		for name, way := range ways(s, test.opts...) {
			t.Run(what+"/"+name, func(t *testing.T) {
				cc, r := resolving(t, way.builder, way.target+"svc"+test.rest)
				var want []string
				for _, port := range strings.Fields(test.want) {
					want = append(want, "10.0.0.1:"+port)
				}
				cc.expect(t, strings.Join(want, " "))
				r.Close()
			})
		}
	}
}

func portPlus(n int) func(e *api.ServiceEntry) api.ServiceAddress {
	return func(e *api.ServiceEntry) api.ServiceAddress {
		return api.ServiceAddress{Address: e.Service.Address, Port: e.Service.Port + n}
	}
}

// The last instances stay, with each kind of list.
func TestResolverKeepsLastKnown(t *testing.T) {
	for name, opts := range map[string][]Option{"shared list": {KeepLastKnown()}, "own list": {KeepLastKnown(), AddressFunc(serviceAddress)}} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			since := logged.Mark()
			cc, _ := resolving(t, NewBuilder(opts...), "consul://"+s.Address()+"/svc")
			cc.expect(t, "") // nothing is known that could be kept
			register(t, s, "svc", "a", "10.0.0.1", 80)
			cc.expect(t, "10.0.0.1:80")
			deregister(t, s, "svc", "a")
			eventually(t, "the log says that it is kept", func() bool { return strings.Contains(since(), "the last 1 are kept") })
			register(t, s, "svc", "b", "10.0.0.2", 80)
			cc.expect(t, "10.0.0.2:80")
		})
	}
}

// Agent has the forms of NewConsulResolver, and the target's host comes before it.
func TestAgentOption(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	for target, agent := range map[string]string{
		"consul:///svc":                    "http://" + s.Address(),
		"consul://" + s.Address() + "/svc": "127.0.0.1:1",
	} {
		cc, _ := resolving(t, NewBuilder(Agent(agent)), target)
		cc.expect(t, "10.0.0.1:80")
	}
}

// The caller's options are copied.
func TestBuilderCopiesOptions(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80, "v1")
	opts := []Option{Tags("v1"), nil}
	b := NewBuilderWithClient(s.Client(), opts...)
	opts[0] = Tags("v2")
	cc, _ := resolving(t, b, "consul:///svc")
	cc.expect(t, "10.0.0.1:80")
	if got := b.Scheme(); got != "consul" {
		t.Errorf("the scheme is %q", got)
	}
}

// What a builder or a resolver cannot do is said, and not ignored.
func TestWhatDoesNotFit(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	metadata := MetadataFunc(func(*api.ServiceEntry) interface{} { return nil })
	endpoint := EndpointFunc(func(_ Instance, e resolver.Endpoint) resolver.Endpoint { return e })
	for name, test := range map[string]struct {
		builder resolver.Builder
		target  string
		want    string
	}{
		"MetadataFunc":              {NewBuilder(metadata), "consul:///svc", "InstanceOf"},
		"MetadataFunc, with client": {NewBuilderWithClient(client, metadata), "consul:///svc", "EndpointFunc"},
		"Agent, with client":        {NewBuilderWithClient(client, Agent("127.0.0.1:8500")), "consul:///svc", "has its own"},
		"nil client":                {NewBuilderWithClient(nil), "consul:///svc", "api.NewClient"},
		"host":                      {NewBuilderWithClient(client), "consul://" + s.Address() + "/svc", "consul:///service"},
		"user":                      {NewBuilderWithClient(client), "consul://user:pw@/svc", "user:password@"},
		"scheme":                    {NewBuilderWithClient(client), "consul:///svc?scheme=https", "scheme"},
		"insecure":                  {NewBuilderWithClient(client), "consul:///svc?insecure=false", "NewBuilder"},
		"no service":                {NewBuilder(), "consul:///", "consul:///service"},
	} {
		_, err := build(t, test.builder, test.target, newFakeConn())
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "consulnaming: ") {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
	for _, opt := range []Option{endpoint} {
		if _, err := New(client, "svc", opt).Resolve(""); !errors.Is(err, errEndpointFunc) || !strings.Contains(err.Error(), "MetadataFunc") {
			t.Errorf("EndpointFunc with New: %v", err)
		}
	}
	if _, err := New(client, "svc", Agent("127.0.0.1:8500")).Resolve(""); !errors.Is(err, errAgent) {
		t.Errorf("Agent with New: %v", err)
	}
	t.Setenv("CONSUL_CACERT", filepath.Join(t.TempDir(), "none.pem"))
	if _, err := build(t, NewBuilder(), "consul://agent:8501/svc?scheme=https", newFakeConn()); err == nil || !strings.Contains(err.Error(), `"svc", agent agent:8501`) {
		t.Errorf("a CONSUL_CACERT that does not exist: %v", err)
	}
}

// Nothing that is printed, logged or reported shows a token or a password of a target.
func TestTargetHidesSecrets(t *testing.T) {
	s := standIn(t)
	s.Inject(consultest.Status(http.StatusForbidden, "token "+testSecret+" is bad"))
	for name, test := range map[string]struct {
		builder resolver.Builder
		target  string
	}{
		"token":              {NewBuilder(), "consul://" + s.Address() + "/svc?token=" + testSecret},
		"token, with client": {NewBuilderWithClient(s.Client()), "consul:///svc?TOKEN=" + testSecret},
		"password":           {NewBuilder(), "consul://user:" + testSecret + "@" + s.Address() + "/svc"},
		"option":             {NewBuilder(QueryOptions(&api.QueryOptions{Token: testSecret})), "consul://" + s.Address() + "/svc"},
	} {
		t.Run(name, func(t *testing.T) {
			since := logged.Mark()
			cc, r := resolving(t, test.builder, test.target)
			type users struct {
				B resolver.Builder
				b resolver.Builder
				R resolver.Resolver
			}
			for _, value := range []interface{}{test.builder, r, users{test.builder, test.builder, r}, []resolver.Resolver{r}} {
				noSecret(t, fmt.Sprintf("%T", value), value)
			}
			err, _ := cc.next(t).(error)
			if err == nil || !strings.Contains(err.Error(), hiddenText) {
				t.Errorf("told %v", err)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				noSecret(t, "a reason", err)
			}
			if text := since(); strings.Contains(text, testSecret) {
				t.Errorf("the log shows the secret: %s", text)
			}
		})
	}
}
