package consulnaming

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const shortIdle = 50 * time.Millisecond

// idleDial is legacyDial with options of the resolver, for a ClientConn that soon
// goes idle; the RPC is the one that grpc-go v1.63 wants to succeed before.
func idleDial(t *testing.T, a agent, opts ...Option) (*grpc.ClientConn, grpc.DialOption) {
	t.Helper()
	option := adapter.WithBalancer(adapter.RoundRobin(New(a.Client(), "svc", opts...)))
	conn, err := grpc.Dial("", grpc.WithInsecure(), option, grpc.WithIdleTimeout(shortIdle))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := backend.Call(testContext(t), conn, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	return conn, option
}

func waitIdle(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the channel is idle", func() bool { return conn.GetState() == connectivity.Idle })
}

// noAddress waits until RPCs say that there is none.
func noAddress(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the RPC says that there is no address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return status.Code(err) == codes.Unavailable && strings.HasSuffix(err.Error(), "there is no address available")
	})
}

// An instance that goes while the ClientConn is idle is gone when that wakes up,
// also if it was the last: its port may be somebody else's by then.
func TestLastInstanceGoesDuringIdleness(t *testing.T) {
	s := standIn(t)
	b := serve(t, s, "svc", "1")
	conn, option := idleDial(t, s)
	waitIdle(t, conn)
	deregister(t, s, "svc", "1")
	noAddress(t, conn)
	conn.Close()

	// The same between two Dials with one RoundRobin.
	other := serve(t, s, "svc", "2")
	again, err := grpc.Dial("", grpc.WithInsecure(), option)
	if err != nil {
		t.Fatal(err)
	}
	answering(t, again, other)
	again.Close()
	deregister(t, s, "svc", "2")
	if again, err = grpc.Dial("", grpc.WithInsecure(), option); err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	noAddress(t, again)
	b.Stop()
}

// A server that is restarted meanwhile, and still reads its log, says that there is
// none.
func TestServerReadsItsLogDuringIdleness(t *testing.T) {
	s := standIn(t)
	serve(t, s, "svc", "1")
	conn, _ := idleDial(t, s)
	waitIdle(t, conn)
	s.Inject(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		switch q := r.URL.Query(); {
		case q.Get("index") == "1":
			<-r.Context().Done()
		case q.Get("index") == "" && !q.Has("consistent"):
			nothingYet(rw)
		default:
			next.ServeHTTP(rw, r)
		}
	})
	queries := s.Stats().Queries
	conn.Connect()
	if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Queries >= queries+2 }); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.Call(testContext(t), conn); err != nil {
		t.Error(err)
	}
}

// With KeepLastKnown it stays until another one comes, and not longer.
func TestKeepLastKnownDuringIdleness(t *testing.T) {
	s := standIn(t)
	one := serve(t, s, "svc", "1")
	conn, _ := idleDial(t, s, KeepLastKnown())
	waitIdle(t, conn)
	deregister(t, s, "svc", "1")
	answering(t, conn, one)
	waitIdle(t, conn) // and once more, as the second watcher knew of no instance
	answering(t, conn, one)
	two := serve(t, s, "svc", "2")
	answering(t, conn, two)
}
