package consultest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"
)

// A route is one endpoint of Consul's HTTP API.
type route struct {
	method string
	path   string                       // a final slash: the rest of the path is an argument
	params string                       // the query parameters that it takes, besides those of all
	answer func(q request) (any, error) // what is sent as JSON, if anything
}

// A request is one that has come to its route.
type request struct {
	*Server
	w http.ResponseWriter
	*http.Request
	rest string // of the path
}

// See https://developer.hashicorp.com/consul/api-docs/agent.
var routes = []route{
	{"PUT", "/v1/agent/service/register", "replace-existing-checks", withBody(func(q request, body registration) error {
		replace := q.URL.Query()["replace-existing-checks"]
		return q.catalog.register(body, len(replace) > 0 && (replace[0] == "" || replace[0] == "true"))
	})},
	{"PUT", "/v1/agent/service/deregister/", "", func(q request) (any, error) { return nil, q.catalog.deregister(q.rest) }},
	{"GET", "/v1/agent/services", "", func(q request) (any, error) { return q.catalog.list(), nil }},
	{"GET", "/v1/agent/self", "", func(request) (any, error) { return self, nil }},
	{"PUT", "/v1/agent/check/register", "", withBody(func(q request, body checkDefinition) error { return q.catalog.registerCheck(body) })},
	{"PUT", "/v1/agent/check/deregister/", "", func(q request) (any, error) { return nil, q.catalog.deregisterCheck(q.rest) }},
	{"PUT", "/v1/agent/check/pass/", "note", setCheck(api.HealthPassing)},
	{"PUT", "/v1/agent/check/warn/", "note", setCheck(api.HealthWarning)},
	{"PUT", "/v1/agent/check/fail/", "note", setCheck(api.HealthCritical)},
	{"PUT", "/v1/agent/check/update/", "", withBody(func(q request, body struct{ Status, Output string }) error {
		if !validStatus(body.Status) {
			return invalid("Invalid check status: '%s'", body.Status)
		}
		return q.catalog.update(q.rest, body.Status, body.Output)
	})},
	{"GET", "/v1/status/leader", "", func(request) (any, error) { return nodeAddress + ":8300", nil }},
	{"GET", "/v1/health/service/", "passing tag index stale consistent cached", request.healthService},
}

func setCheck(status string) func(request) (any, error) {
	return func(q request) (any, error) {
		return nil, q.catalog.update(q.rest, status, q.URL.Query().Get("note"))
	}
}

func withBody[T any](f func(q request, body T) error) func(request) (any, error) {
	return func(q request) (any, error) {
		var body T
		if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
			return nil, decodeError(err)
		}
		return nil, f(q, body)
	}
}

// handle is the server's http.Handler.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.count(func(st *Stats) { st.Requests++ })
	if strings.HasPrefix(r.URL.Path, "/v1/health/") {
		s.handleHealth(w, r)
		return
	}
	s.route(w, r)
}

// route answers one request.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	answer, err := s.dispatch(w, r)
	var body []byte
	if err == nil && answer != nil {
		w.Header().Set("Content-Type", "application/json")
		body, err = json.Marshal(answer)
	}
	if err != nil {
		refused := &httpError{http.StatusInternalServerError, err.Error()}
		errors.As(err, &refused)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(refused.code)
		body = []byte(refused.text)
	}
	w.Write(body)
}

func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := s.authorize(r); err != nil {
		return nil, err
	}
	for _, route := range routes {
		rest, ok := strings.CutPrefix(r.URL.Path, route.path)
		if !ok || rest != "" && !strings.HasSuffix(route.path, "/") {
			continue
		}
		if r.Method != route.method {
			w.Header().Set("Allow", route.method)
			return nil, &httpError{http.StatusMethodNotAllowed, fmt.Sprintf("method %s not allowed", r.Method)}
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
				return nil, &httpError{http.StatusBadRequest, fmt.Sprintf("Invalid query parameter: %q - %s are a Consul Enterprise feature", param, feature)}
			default:
				return nil, unsupported("the query parameter %q of %s", param, route.path)
			}
		}
		return route.answer(request{s, w, r, rest})
	}
	return nil, unsupported("%s %s", r.Method, r.URL.Path)
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
