package consulnaming

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// mayRead lets the token with that accessor see all instances.
func mayRead(t *testing.T, a *consulagent.Agent, accessor string) {
	t.Helper()
	acl := a.Client().ACL()
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: "read", Rules: `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`}, nil)
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
	mayRead(t, a, "00000000-0000-0000-0000-000000000002")
	expectLater(t, got, "+10.0.0.1:80")
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
