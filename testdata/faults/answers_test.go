package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// Answers that are not Consul's, or say nonsense: the set stays, and follows the
// catalogue again when they end.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   consultest.Fault
		queries int // that meet it, in the short form
	}{
		{"HTTP 500", consultest.Status(500, "No cluster leader"), 4},
		{"HTTP 403", consultest.Status(403, "Permission denied"), 4},
		{"HTTP 429", consultest.Status(429, "Your IP is issuing too many concurrent connections"), 4},
		{"HTML", consultest.Body("text/html", "<html><body>Log in, please</body></html>"), 4},
		{"no body", consultest.Body("application/json", ""), 4},
		{"cut JSON, connection lost", unblocked(consultest.CutBody(40)), 4},
		{"cut JSON", consultest.Body("application/json", `[{"Node": {"Node": "n", "Address": "127.0`), 4},
		{"JSON null", indexed("null"), 4},
		{"JSON object", indexed(`{"Node": "n", "Service": {"Port": 1}}`), 4},
		{"JSON of other types", indexed(`[{"Node": {"Address": 5}, "Service": "none"}]`), 4},
		{"JSON of no instances", indexed(`[{}, null, {"Node": {}}]`), 4},
		{"index missing", unblocked(consultest.Index("")), 20},
		{"index 0", unblocked(consultest.Index("0")), 20},
		{"index 1", unblocked(consultest.Index("1")), 20},
		{"index negative", unblocked(consultest.Index("-5")), 4},
		{"index no number", unblocked(consultest.Index("many")), 4},
		{"index of 65 bits", unblocked(consultest.Index("18446744073709551616")), 4},
		{"index of 64 bits, query answered at once", unblocked(consultest.Index("18446744073709551615")), 20},
		{"index of 64 bits", consultest.Index("18446744073709551615"), 2},
		{"index going back", unblocked(goingBack()), 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			foreign(t, c.name, c.fault, c.queries)
		})
	}
}

// Of an answer that is large, one is enough, and no other trial runs beside. The
// next is Consul's, as one more would be under way when the fault is over.
func TestLargeAnswer(t *testing.T) {
	foreign(t, "100 MB of JSON", first(kinds, endless), 1)
}

// foreign has so many queries meet the fault.
func foreign(t *testing.T, name string, fault consultest.Fault, queries int) {
	tr := newTrial(t, "answer: "+name)
	server := tr.standIn()
	tr.serve(3)
	tr.dial(source{agent: server.Address()})
	tr.begin()
	before, began := server.Stats().Queries, time.Now()
	met := func(n int) { // each query so often, by and large
		t.Helper()
		// The longest backoff is ten seconds, give or take half of that.
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n+1)*15*time.Second)
		defer cancel()
		tr.must(server.Await(ctx, func(s consultest.Stats) bool { return s.Queries >= before+kinds*n }))
	}
	remove := server.Inject(fault)
	met(1) // and the query before is over
	tr.join()
	if queries == 1 { // the answer takes long to read with the race detector, and there is no other
		tr.met(4 * testwait.Patience)
	} else {
		met(queries + int(span(0, 4))) // in the long form, with backoff, half a minute
	}
	// Each kind has ten a second after a burst of ten; one was under way.
	if n, took := server.Stats().Queries-before, time.Since(began); n > kinds*(11+int(10*took.Seconds())) {
		t.Errorf("%d queries in %v", n, took)
	}
	tr.over(remove)
}

// first has next answer all queries but the first n.
func first(n int64, f consultest.Fault) consultest.Fault {
	var met atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if met.Add(1) > n {
			next.ServeHTTP(w, r)
			return
		}
		f(w, r, next)
	}
}

// unblocked has next answer at once.
func unblocked(f consultest.Fault) consultest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r = r.Clone(r.Context())
		q := r.URL.Query()
		q.Del("index")
		r.URL.RawQuery = q.Encode()
		f(w, r, next)
	}
}

// indexed answers with a body and an index, as Consul does.
func indexed(body string) consultest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("X-Consul-Index", "1000")
		io.WriteString(w, body)
	}
}

// endless answers with an array of a string of 100 MB.
func endless(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("X-Consul-Index", "1000")
	megabyte := strings.Repeat("x", 1e6)
	io.WriteString(w, `["`)
	for range 100 {
		io.WriteString(w, megabyte)
	}
	io.WriteString(w, `"]`)
}

// goingBack answers with an index that is lower each time, and begins again. None
// is ahead of the real one: that could not be told from it, and a query with it
// would see no change until its wait is over.
func goingBack() consultest.Fault {
	var answers atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		consultest.Index(fmt.Sprint(3-answers.Add(1)%3))(w, r, next)
	}
}
