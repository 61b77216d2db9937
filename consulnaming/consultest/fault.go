package consultest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
)

// A Fault stands in front of health queries (/v1/health/...). It answers r
// itself, or has next answer it, to w or to a ResponseWriter of its own. The
// server calls it on the goroutine of the request, for many requests at a time.
//
// r.Context() ends when the client goes, a fault is injected or removed, or the
// server is closed; the Fault then returns, or panics with
// http.ErrAbortHandler, which closes the connection without an answer. That is
// also what next does, so that a Fault lets such a panic pass.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Inject puts f in front of all health queries, and in front of faults injected
// before. Calling remove takes it away; a second call does nothing.
//
// Both end the health queries in flight by closing their connections, so that
// the code under test, which repeats them, meets the new state at once. Go's
// HTTP client may repeat such a query by itself: see DropConnections.
func (s *Server) Inject(f Fault) (remove func()) {
	s.setFaults(func(faults []*Fault) []*Fault { return append(faults, &f) })
	return sync.OnceFunc(func() {
		s.setFaults(func(faults []*Fault) []*Fault {
			return slices.DeleteFunc(faults, func(other *Fault) bool { return other == &f })
		})
	})
}

func (s *Server) setFaults(change func([]*Fault) []*Fault) {
	s.mu.Lock()
	end := s.end
	s.faults = change(slices.Clone(s.faults)) // handlers hold the old slice
	s.epoch, s.end = context.WithCancel(s.root)
	s.mu.Unlock()
	end()
}

// Status answers with an HTTP status and a text: 500, 429, 403 and so on.
func Status(code int, text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		w.Write([]byte(text))
	}
}

// Body answers 200 with a body that is not Consul's: a login page, malformed
// JSON. There is no X-Consul-Index.
func Body(contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.Write([]byte(body))
	}
}

// CutBody closes the connection after the header and the first n bytes of the
// real answer's body.
func CutBody(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Next(n))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Silence takes queries and never answers, until it is removed, the server is
// closed or the client goes.
func Silence() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Index replaces the value of X-Consul-Index in real answers, or leaves the
// header out when value is "".
func Index(value string) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("X-Consul-Index")
		if value != "" {
			w.Header().Set("X-Consul-Index", value)
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}
}
