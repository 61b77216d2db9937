package consulnaming

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

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
