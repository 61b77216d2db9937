package consulnaming

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// An agent that has been restarted empty would block on the index of before, if
// net/http sent the query in flight once more.
func TestRestartedAtOnce(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	w := watching(t, NewConsulResolver(s.Address(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	got := make(chan string, 1)
	go func() {
		u, err := w.Next()
		got <- text(u) + fmt.Sprint(err)
	}()
	if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Blocked == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	select {
	case u := <-got:
		if u != "-10.0.0.1:80<nil>" {
			t.Errorf("Next: %s", u)
		}
	case <-time.After(patience):
		t.Fatal("Next has not noticed")
	}
}

// A redirect is no reason to ask anew.
func TestRedirected(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+s.Address()+r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	w := watching(t, NewConsulResolver(front.URL, "svc"))
	expect(t, w, "+10.0.0.1:80")
	got := make(chan string, 1)
	go func() {
		u, _ := w.Next()
		got <- text(u)
	}()
	if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Blocked == 1 }); err != nil {
		t.Fatal(err)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	if u := <-got; u != "+10.0.0.2:80" {
		t.Errorf("Next: %s", u)
	}
}
