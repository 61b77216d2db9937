package consultest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// handleHealth passes a health query through the faults that are in place when
// it arrives. It ends, without an answer, when that set changes.
func (s *Server) handleHealth(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	faults, epoch := s.faults, s.epoch
	s.mu.Unlock()
	s.count(func(st *Stats) { st.Queries++; st.Open++ })
	defer s.count(func(st *Stats) { st.Open-- })

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(epoch, cancel)()

	var handler http.Handler = http.HandlerFunc(s.route)
	for _, fault := range faults {
		next := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*fault)(w, r, next) })
	}
	handler.ServeHTTP(w, r.WithContext(ctx))
}

// A healthQuery is what the query parameters say.
type healthQuery struct {
	index   uint64 // block until the service's index is above it; 0: do not
	wait    time.Duration
	tags    []string
	passing bool
}

// healthService answers GET /v1/health/service/:name.
func (r request) healthService() (any, error) {
	q, err := parseHealthQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if r.rest == "" {
		return nil, invalid("Missing service name")
	}
	entries, index, changed := r.catalog.instances(r.rest, q.tags, q.passing)
	if q.index > 0 && index <= q.index {
		r.count(func(st *Stats) { st.Blocked++ })
		defer r.count(func(st *Stats) { st.Blocked-- })
		// The jitter keeps a thousand clients from coming back together.
		timer := time.NewTimer(q.wait + rand.N(q.wait/16+1))
		defer timer.Stop()
		for waiting := true; waiting && index <= q.index; {
			select {
			case <-changed:
				entries, index, changed = r.catalog.instances(r.rest, q.tags, q.passing)
			case <-timer.C:
				waiting = false
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // closes the connection
			}
		}
	}
	header := r.w.Header()
	header.Set("X-Consul-Index", strconv.FormatUint(index, 10))
	header.Set("X-Consul-KnownLeader", "true")
	header.Set("X-Consul-LastContact", "0")
	header.Set("X-Consul-Default-Acl-Policy", "allow")
	return entries, nil
}

func parseHealthQuery(params url.Values) (q healthQuery, err error) {
	if value := params.Get("wait"); value != "" {
		if q.wait, err = time.ParseDuration(value); err != nil {
			return q, invalid("Invalid wait time")
		}
	}
	const defaultWait, maxWait = 5 * time.Minute, 10 * time.Minute
	if q.wait <= 0 {
		q.wait = defaultWait
	}
	q.wait = min(q.wait, maxWait)
	if value := params.Get("index"); value != "" {
		if q.index, err = strconv.ParseUint(value, 10, 64); err != nil {
			return q, invalid("Invalid index")
		}
	}
	// With a single server, stale, consistent and cached make no difference.
	for _, other := range []string{"stale", "cached"} {
		if params.Has(other) && params.Has("consistent") {
			return q, invalid("Cannot specify ?%s with ?consistent, conflicting semantics.", other)
		}
	}
	q.passing = params.Has("passing")
	if value := params.Get("passing"); value != "" {
		if q.passing, err = strconv.ParseBool(value); err != nil {
			return q, invalid("Invalid value for ?passing")
		}
	}
	if dc := params.Get("dc"); dc != "" && dc != datacenter {
		return q, &httpError{http.StatusInternalServerError, "No path to datacenter"}
	}
	q.tags = params["tag"]
	return q, nil
}
