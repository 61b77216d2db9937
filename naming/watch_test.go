package naming

import (
	"reflect"
	"testing"
	"time"
)

// watch resolves target with a resolver that asks every 5 ms. The watcher is
// closed at the end of the test.
func watch(t *testing.T, target string) Watcher {
	t.Helper()
	return watchEvery(t, 5*time.Millisecond, target)
}

func watchEvery(t *testing.T, freq time.Duration, target string) Watcher {
	t.Helper()
	r, err := NewDNSResolverWithFreq(freq)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Resolve(target)
	if err != nil {
		t.Fatalf("Resolve(%q): %v", target, err)
	}
	t.Cleanup(w.Close)
	return w
}

// call is what one Next returned.
type call struct {
	updates []*Update
	err     error
}

// start calls Next in the background.
func start(w Watcher) <-chan call {
	done := make(chan call, 1)
	go func() {
		updates, err := w.Next()
		done <- call{updates, err}
	}()
	return done
}

// finish waits for a Next that start has called.
func finish(t *testing.T, done <-chan call) call {
	t.Helper()
	select {
	case c := <-done:
		return c
	case <-time.After(patience):
		t.Fatal("Next did not return")
		return call{}
	}
}

// wantUpdates checks what a Next returns that start has called.
func wantUpdates(t *testing.T, done <-chan call, want ...Update) []*Update {
	t.Helper()
	c := finish(t, done)
	if c.err != nil {
		t.Fatalf("Next: %v", c.err)
	}
	if got := values(c.updates); !reflect.DeepEqual(got, want) {
		t.Fatalf("Next returned\n%+v, want\n%+v", got, want)
	}
	return c.updates
}

// wantNext is wantUpdates for a Next that it calls itself.
func wantNext(t *testing.T, w Watcher, want ...Update) []*Update {
	t.Helper()
	return wantUpdates(t, start(w), want...)
}

// wantClosed checks that a Next that start has called fails.
func wantClosed(t *testing.T, done <-chan call) {
	t.Helper()
	if c := finish(t, done); c.err == nil || c.updates != nil {
		t.Fatalf("Next after Close = %+v, %v, want an error", values(c.updates), c.err)
	}
}

func values(updates []*Update) []Update {
	var list []Update
	for _, u := range updates {
		list = append(list, *u)
	}
	return list
}

func lb(op Operation, addr, name string) Update {
	return Update{Op: op, Addr: addr, Metadata: AddrMetadataGRPCLB{AddrType: GRPCLB, ServerName: name}}
}
