package consulnaming

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// endless writes what is as good as endless, and much more than any bound here.
func endless(w io.Writer) {
	const whole, part = 64 << 20, 1 << 20
	spaces := strings.Repeat(" ", part)
	for range whole / part {
		if _, err := io.WriteString(w, spaces); err != nil {
			return
		}
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// An agent, or whoever answers in its place, does not fill the memory.
func TestEndlessAnswers(t *testing.T) {
	const bound, most = 1 << 20, 16 << 20 // bytes
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	endless(z)
	z.Close()
	for name, test := range map[string]struct {
		fault  consultest.Fault
		answer int64  // the bound on one
		want   string // in the reason
	}{
		"200": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			endless(w)
		}, bound, "more than 1048576 bytes"},
		"500": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, "No cluster leader")
			endless(w)
		}, answerBound, "500 (No cluster leader)"}, // a reason has less room
		"gzip": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				w.WriteHeader(http.StatusNotAcceptable) // then the test is of no use
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, bound, "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			register(t, s, "svc", "a", "10.0.0.1", 80)
			w := watching(t, NewConsulResolver(s.Address(), "svc"))
			transport := w.query.own.Load().Transport.(*bounded)
			if transport.answer != answerBound || transport.reason != reasonBound {
				t.Errorf("bounds %d and %d", transport.answer, transport.reason)
			}
			transport.answer = test.answer // a quarter of a gigabyte takes long
			reasons := make(chan error, 100)
			w.OnError(func(err error) { reasons <- err })
			remove := s.Inject(test.fault)
			before := allocated()
			got := nextLater(w)
			select {
			case err := <-reasons:
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("reason %v, want %q in it", err, test.want)
				}
			case <-time.After(patience):
				t.Fatal("no reason is reported")
			}
			// The backoff lets one more answer begin at the most.
			if n := allocated() - before; n > most {
				t.Errorf("%d bytes allocated, want at most %d", n, most)
			}
			remove()
			expectLater(t, got, "+10.0.0.1:80")
		})
	}
}

// An answer is read to its end, so that its connection serves the next query.
func TestConnectionIsKept(t *testing.T) {
	const queries = 8
	var opened, answered atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := answered.Add(1)
		switch {
		case n == 3:
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
			return
		case n >= queries:
			<-r.Context().Done() // blocks
			return
		}
		w.Header().Set("X-Consul-Index", fmt.Sprint(n))
		io.WriteString(w, "[]\n")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	w := resolveOrFail(t, NewConsulResolver(server.URL, "svc"), "")
	done := drain(w)
	eventually(t, "the last query blocks", func() bool { return answered.Load() == queries })
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for %d queries, want one", n, queries)
	}
	w.Close()
	<-done
}

// Over HTTP/2 a connection that carries nothing any more would be used again and
// again, and one that was still being made when its watcher closed would stay.
func TestNoHTTP2(t *testing.T) {
	t.Setenv("CONSUL_HTTP_SSL_VERIFY", "false")
	versions := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case versions <- r.Proto:
		default:
		}
		w.Header().Set("X-Consul-Index", "1")
		io.WriteString(w, "[]")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	expect(t, watching(t, NewConsulResolver(server.URL, "svc")), "")
	if v := <-versions; v != "HTTP/1.1" {
		t.Errorf("%s, want HTTP/1.1", v)
	}
}

// Where two have been opened, as when a query is sent anew while net/http still
// dials for the one before, one connection stays.
func TestOneConnectionStays(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	url, open := countConnections(t, func(http.ResponseWriter, *http.Request) {
		both.Done()
		both.Wait()
	})
	w := watching(t, NewConsulResolver(url, "svc"))
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			answer, err := w.query.own.Load().Get(url)
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
		})
	}
	done.Wait()
	eventually(t, "one connection is left", func() bool { return open.Load() == 1 })
	w.query.own.Load().CloseIdleConnections()
}
