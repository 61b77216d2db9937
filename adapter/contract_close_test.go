package adapter

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// closingWatcher calls before in its Close.
type closingWatcher struct {
	*scriptWatcher
	before func()
}

func (w closingWatcher) Close() {
	w.before()
	w.scriptWatcher.Close()
}

// Contract: "conn.Close: Balancer.Close, then Watcher.Close, once each, before it
// returns".
func TestContractClose(t *testing.T) {
	var order []string
	enter := func(what string) { order = append(order, what) }
	r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
		return closingWatcher{newScriptWatcher(), func() { enter("Watcher.Close") }}, nil
	}}
	conn := dial(t, "svc", WithBalancer(&recorder{Balancer: RoundRobin(r), fault: t.Errorf, enter: enter}))
	conn.Close()
	conn.Close()
	if want := []string{"Start", "Notify", "Close", "Watcher.Close"}; !slices.Equal(order, want) {
		t.Errorf("calls %q, want %q", order, want)
	}
}

// The same row: "a Watcher.Close that hangs holds it up for a second".
func TestContractCloseHangs(t *testing.T) {
	for name, builder := range namingBuilders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				resolver := build(t, builder(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
					return closingWatcher{newScriptWatcher(), func() { <-release }}, nil
				}}), &toldConn{})
				synctest.Wait() // in Next; before that there may be nothing to close, ever
				log, before := logged.Mark(), time.Now()
				resolver.Close()
				if took := time.Since(before); took != time.Second {
					t.Errorf("Close took %v, want a second", took)
				}
				if !strings.Contains(log(), "has not returned") {
					t.Error("the log does not say what hangs")
				}
				close(release)
			})
		})
	}
}
