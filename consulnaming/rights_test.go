package consulnaming

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

// denyingAgent starts a real agent that lets nobody see anything, but for whoever
// has the token.
func denyingAgent(t *testing.T) (a *consulagent.Agent, token string) {
	t.Helper()
	token = "8b5d2e0e-3f5a-4d0c-9a52-5c6d1f6d7a10"
	a, err := consulagent.Start(context.Background(), consulagent.Config{Token: token, ExtraHCL: `
		acl {
			enabled = true
			default_policy = "deny"
			tokens { initial_management = "` + token + `" agent = "` + token + `" }
		}`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	return a, token
}

const readAll = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`

// mayRead gives the token with that accessor the rights that rules say.
func mayRead(t *testing.T, a *consulagent.Agent, accessor, rules string) {
	t.Helper()
	acl := a.Client().ACL()
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: "read", Rules: rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := acl.TokenUpdate(&api.ACLToken{AccessorID: accessor, Policies: []*api.ACLTokenPolicyLink{{ID: policy.ID}}}, nil); err != nil {
		t.Fatal(err)
	}
}

// To the anonymous token, Consul says that there is no instance, and nothing about
// a right that is missing. One that it is given later is used although the
// instances are as they were.
func TestAnonymousTokenIsGivenARight(t *testing.T) {
	a, _ := denyingAgent(t)
	register(t, a, "svc", "a", "10.0.0.1", 80)
	client, seen := recorded(t, a.Address())
	w := watching(t, New(client, "svc"))
	expect(t, w, "")
	got := nextLater(w)
	seen.await(t, func(i uint64) bool { return i > 0 })
	mayRead(t, a, "00000000-0000-0000-0000-000000000002", readAll)
	expectLater(t, got, "+10.0.0.1:80")
}

// A token that may see some of the instances gets those, and the log says once that
// there are others.
func TestTokenMayReadSome(t *testing.T) {
	a, _ := denyingAgent(t)
	put := func(node, address string) {
		t.Helper()
		_, err := a.Client().Catalog().Register(&api.CatalogRegistration{
			Node: node, Address: "127.0.0.1", Service: &api.AgentService{ID: address, Service: "svc", Address: address, Port: 80},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	put("hidden", "10.0.0.1")
	put("seen", "10.0.0.2")
	token, _, err := a.Client().ACL().TokenCreate(&api.ACLToken{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mayRead(t, a, token.AccessorID, `service_prefix "" { policy = "read" } node "seen" { policy = "read" }`)
	log := logged.Mark()
	w := watching(t, New(a.Client(), "svc", QueryOptions(&api.QueryOptions{Token: token.SecretID})))
	expect(t, w, "+10.0.0.2:80")
	put("hidden", "10.0.0.3")
	put("seen", "10.0.0.4")
	expect(t, w, "+10.0.0.4:80")
	put("seen", "10.0.0.5")
	expect(t, w, "+10.0.0.5:80")
	if text := log(); strings.Count(text, "may not read all instances") != 1 || strings.Count(text, "\n") != 1 ||
		!strings.Contains(text, `service "svc", the given client's agent`) || !strings.Contains(text, "service:read and node:read") {
		t.Errorf("log %q, want one line about it", text)
	}
}

// Said again when it is so again, but not when an agent that was asked with an index
// has merely not said it.
func TestPartialAnswers(t *testing.T) {
	q := &query{service: "svc", agent: "agent"}
	for _, test := range []struct {
		before, filtered bool
		index            uint64
		after, logs      bool
	}{
		{before: false, filtered: false, index: 0, after: false, logs: false},
		{before: false, filtered: true, index: 0, after: true, logs: true},
		{before: false, filtered: true, index: 7, after: true, logs: true},
		{before: true, filtered: true, index: 7, after: true, logs: false},
		{before: true, filtered: false, index: 7, after: true, logs: false},
		{before: true, filtered: false, index: 0, after: false, logs: false},
	} {
		log := logged.Mark()
		after := q.partial(&api.QueryMeta{ResultsFilteredByACLs: test.filtered}, position{index: test.index, partial: test.before})
		if logs := log() != ""; after != test.after || logs != test.logs {
			t.Errorf("%+v: after %v, logs %v", test, after, logs)
		}
	}
}

// Nor at every answer of an agent that says it each time, or that fails in between.
func TestPartialAnswersOneAfterAnother(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	var queries atomic.Int32
	s.Inject(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if queries.Add(1) == 2 {
			http.Error(rw, "No cluster leader", http.StatusInternalServerError)
			return
		}
		rw.Header().Set("X-Consul-Results-Filtered-By-ACLs", "true")
		next.ServeHTTP(rw, r)
	})
	log := logged.Mark()
	w := watching(t, New(s.Client(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	for _, id := range []string{"b", "c"} {
		register(t, s, "svc", id, "10.0.0."+id, 80)
		expect(t, w, "+10.0.0."+id+":80")
	}
	if n := strings.Count(log(), "may not read all instances"); n != 1 {
		t.Errorf("%d lines of the log, want one for all answers", n)
	}
}

// An agent whose client has lost its rights says that there is no instance. To a
// query with an index it does not say why; the instances stay all the same.
func TestRightsAreTakenAway(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	w := watching(t, New(s.Client(), "svc"))
	reasons := make(chan error, 100)
	w.OnError(func(err error) { reasons <- err })
	expect(t, w, "+10.0.0.1:80")
	remove := s.Inject(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		rw.Header().Set("X-Consul-Index", "1000")
		rw.Header().Set("X-Consul-LastContact", "0") // package api reads no further without
		if r.URL.Query().Get("index") == "" {
			rw.Header().Set("X-Consul-Results-Filtered-By-ACLs", "true")
		}
		io.WriteString(rw, "[]")
	})
	got := nextLater(w)
	select {
	case err := <-reasons:
		if !strings.Contains(fmt.Sprint(err), "permission denied") {
			t.Errorf("the reason is %v", err)
		}
	case u := <-got:
		t.Fatalf("Next: %s", u)
	case <-time.After(patience):
		t.Fatal("nobody says why")
	}
	remove()
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expectLater(t, got, "+10.0.0.2:80")
}
