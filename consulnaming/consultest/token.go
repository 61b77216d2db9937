package consultest

import (
	"fmt"
	"net/http"
	"path"
	"strings"
)

// SetToken makes the server refuse, with 403, every request whose
// X-Consul-Token header (or bearer token) is not token; "" lifts that. Clients
// from Client send the new token from now on, unless api.QueryOptions.Token
// says otherwise.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

func (s *Server) currentToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// authorize answers as Consul 1.22 with default_policy = "deny" does.
func (s *Server) authorize(r *http.Request) error {
	want := s.currentToken()
	got := r.Header.Get("X-Consul-Token")
	if got == "" {
		got, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	switch {
	case want == "" || got == want:
		return nil
	case got != "" && got != anonymousToken:
		return &httpError{http.StatusForbidden, "ACL not found"}
	}
	permission := "service:read"
	if r.Method == http.MethodPut {
		permission = "service:write"
	}
	return &httpError{http.StatusForbidden, fmt.Sprintf("Permission denied: anonymous token lacks permission '%s' on %q. "+
		"The anonymous token is used implicitly when a request does not specify a token.", permission, path.Base(r.URL.Path))}
}

const (
	anonymousToken = "anonymous"      // the secret of Consul's anonymous token
	currentToken   = "consultest-now" // tokenTransport replaces it
)

// tokenTransport is the transport of the clients that Client returns. It puts
// in the token at the time of the request, so that a client never outlives it.
type tokenTransport struct{ s *Server }

func (t tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Consul-Token") == currentToken {
		r = r.Clone(r.Context())
		r.Header.Del("X-Consul-Token")
		if token := t.s.currentToken(); token != "" {
			r.Header.Set("X-Consul-Token", token)
		}
	}
	return t.s.http.Client().Transport.RoundTrip(r)
}
