package consultest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A route is one endpoint of Consul's HTTP API.
type route struct {
	method string
	path   string // a final slash: the rest of the path is an argument
	params string // the query parameters that it takes, besides those of all
	serve  func(s *Server, w http.ResponseWriter, r *http.Request, rest string) error
}

var routes = []route{
	{"PUT", "/v1/agent/service/register", "replace-existing-checks", (*Server).registerService},
	{"PUT", "/v1/agent/service/deregister/", "", (*Server).deregisterService},
	{"GET", "/v1/agent/services", "", (*Server).listServices},
	{"GET", "/v1/agent/self", "", (*Server).self},
	{"PUT", "/v1/agent/check/register", "", (*Server).registerCheck},
	{"PUT", "/v1/agent/check/deregister/", "", (*Server).deregisterCheck},
	{"PUT", "/v1/agent/check/pass/", "note", setCheck("passing")},
	{"PUT", "/v1/agent/check/warn/", "note", setCheck("warning")},
	{"PUT", "/v1/agent/check/fail/", "note", setCheck("critical")},
	{"PUT", "/v1/agent/check/update/", "", (*Server).updateCheck},
	{"GET", "/v1/status/leader", "", (*Server).leader},
	{"GET", "/v1/health/service/", "passing tag index stale consistent cached", (*Server).healthService},
}

// handle is the server's http.Handler.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.handlers.Add(1) // not after Close has begun to wait
	s.countLocked(func(st *Stats) { st.Requests++ })
	s.mu.Unlock()
	defer s.handlers.Done()

	if strings.HasPrefix(r.URL.Path, "/v1/health/") {
		s.handleHealth(w, r)
		return
	}
	s.route(w, r)
}

// route answers one request.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	err := s.authorize(r)
	if err == nil {
		err = s.dispatch(w, r)
	}
	if err == nil {
		return
	}
	var refused *httpError
	if !errors.As(err, &refused) {
		refused = &httpError{http.StatusInternalServerError, err.Error()}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(refused.code)
	fmt.Fprint(w, refused.text)
}

func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) error {
	for _, route := range routes {
		rest, ok := strings.CutPrefix(r.URL.Path, route.path)
		if !ok || rest != "" && !strings.HasSuffix(route.path, "/") {
			continue
		}
		if r.Method != route.method {
			w.Header().Set("Allow", route.method)
			return &httpError{http.StatusMethodNotAllowed, fmt.Sprintf("method %s not allowed", r.Method)}
		}
		// api.Config sends dc and wait with every request; Consul's agent
		// endpoints take no notice of them.
		accepted := append(strings.Fields(route.params), "dc", "wait")
		for param, values := range r.URL.Query() {
			switch {
			case slices.Contains(accepted, param):
			case param == "ns" || param == "partition":
				if values[0] == "" {
					continue
				}
				feature := map[string]string{"ns": "Namespaces", "partition": "Partitions"}[param]
				return &httpError{http.StatusBadRequest, fmt.Sprintf("Invalid query parameter: %q - %s are a Consul Enterprise feature", param, feature)}
			default:
				return unsupported("the query parameter %q of %s", param, route.path)
			}
		}
		return route.serve(s, w, r, rest)
	}
	return unsupported("%s %s", r.Method, r.URL.Path)
}

// An httpError is an answer other than 200.
type httpError struct {
	code int
	text string
}

func (e *httpError) Error() string { return e.text }

// unsupported answers what a real agent might do and this one does not. 501
// is nothing that Consul says itself.
func unsupported(format string, args ...any) error {
	return &httpError{http.StatusNotImplemented, "consultest: " + fmt.Sprintf(format, args...) +
		" is not supported by this stand-in for a Consul agent; test it with a real one"}
}

func writeJSON(w http.ResponseWriter, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
	return nil
}
