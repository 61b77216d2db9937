package adapter

import (
	"runtime"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/naming"
)

// A Next that ends its goroutine, as testing.T.FailNow does, is one that fails.
func TestNextThatExits(t *testing.T) {
	r := &scriptResolver{}
	b := startBackends(t, 1)[0]
	exits := exitingResolver{r}
	conn := dial(t, "svc", WithBalancer(RoundRobin(exits)))
	r.watcher(t, 0).send(t) // its Next exits instead
	r.watcher(t, 1).send(t, add(b.Addr())...)
	if got := call(t, conn, grpc.WaitForReady(true)); got != b.Addr() {
		t.Errorf("answered by %s", got)
	}
}

// exitingResolver's watchers end the goroutine of a Next that has nothing to say.
type exitingResolver struct{ *scriptResolver }

func (r exitingResolver) Resolve(target string) (naming.Watcher, error) {
	w, err := r.scriptResolver.Resolve(target)
	if err != nil {
		return nil, err
	}
	return exitingWatcher{w}, nil
}

type exitingWatcher struct{ naming.Watcher }

func (w exitingWatcher) Next() ([]*naming.Update, error) {
	updates, err := w.Watcher.Next()
	if err == nil && len(updates) == 0 {
		runtime.Goexit()
	}
	return updates, err
}
