package adapter

// Watchers that fail, and what becomes of what they said.

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// The backoff grows though each new watcher delivers something before it fails,
// and begins anew after one that has lived for longer than it ever gets.
func TestBackoffOfShortLivedWatchers(t *testing.T) {
	for _, test := range []struct {
		life         time.Duration
		fewest, most int // calls of Resolve in ten minutes
	}{
		{0, 10, 60},
		{time.Second, 10, 60},
		{lastRetry + time.Second, 18, 20},
	} {
		t.Run(test.life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
					calls++
					return &shortLived{life: test.life}, nil
				}})
				if err := rr.Start("svc", BalancerConfig{}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if calls < test.fewest || calls > test.most {
					t.Errorf("Resolve was called %d times in ten minutes, want %d to %d", calls, test.fewest, test.most)
				}
				rr.Close()
				time.Sleep(test.life) // of a Next that is running
			})
		})
	}
}

// shortLived is a watcher whose second Next fails, after a while.
type shortLived struct {
	life  time.Duration
	nexts int
}

func (w *shortLived) Next() ([]*naming.Update, error) {
	if w.nexts++; w.nexts == 1 {
		return add("a:1"), nil
	}
	time.Sleep(w.life)
	return nil, errors.New("over")
}

func (w *shortLived) Close() {}

// A reason is shown for as long as it is true.
func TestReasonComesAndGoes(t *testing.T) {
	watchers, r := reportingResolver()
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := receive(t, "the first watcher", watchers)
	shows := func(want string, is bool) {
		t.Helper()
		eventually(t, "the reason is right", func() bool {
			_, err := backend.Call(testContext(t), conn)
			return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), want) == is
		})
	}
	w.reasons <- errors.New("no leader")
	shows("no leader", true)
	w.reasons <- errors.New("permission denied")
	shows("permission denied", true)
	w.reasons <- nil
	shows("permission denied", false)
	w.fail(t, errors.New("compacted"))
	shows("compacted", true)
	w = receive(t, "the second watcher", watchers)
	w.send(t)
	shows("compacted", false)
	w.send(t, add("127.0.0.1:1")...)
	w.reasons <- errors.New("no leader") // while something is known
	w.send(t, del("127.0.0.1:1")...)
	eventually(t, "the RPC says that there is no address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return strings.HasSuffix(err.Error(), "there is no address available")
	})
}

// A method of the watcher's that is called besides Next may panic too.
func TestOnErrorThatPanics(t *testing.T) {
	var panicking []*scriptWatcher
	good := &scriptResolver{}
	b := startBackends(t, 1)
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if len(panicking) < 2 {
			w := newScriptWatcher()
			panicking = append(panicking, w)
			return panickingReporter{w}, nil
		}
		return good.Resolve(target)
	}})))
	if _, err := backend.Call(testContext(t), conn); !strings.Contains(err.Error(), "OnError panicked") {
		t.Errorf("RPC: %v", err)
	}
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b...)
	for i, w := range panicking {
		if n := w.closeCount(); n != 1 {
			t.Errorf("watcher %d, which panicked, was closed %d times, want once", i, n)
		}
	}
}

type panickingReporter struct{ *scriptWatcher }

// A watcher that comes after another may not know everything: see follow.Watch.
func TestWhatALaterWatcherReplaces(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b...)
	r.watcher(t, 0).fail(t, errors.New("over"))
	r.watcher(t, 1).send(t)
	r.watcher(t, 1).send(t, del(b[0].Addr())...) // a change, and not the full set
	callAll(t, conn, b[1], b[2])
	r.watcher(t, 1).fail(t, errors.New("over"))
	r.watcher(t, 2).send(t, add(b[0].Addr())...) // the full set
	callAll(t, conn, b[0])
}
