package adapter

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
)

// Contract: "Balancer used by hand, without a ClientConn: works", in a program that
// uses RoundRobin to find servers for something else: it ranges over Notify and says
// itself what is up.
func TestContractBalancerByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &scriptResolver{}
		rr := RoundRobin(r)
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			downs := make(map[Address]func(error))
			for list := range rr.Notify() { // until Close
				for _, a := range list {
					if down := rr.Up(a); down != nil { // nil if it is up
						downs[a] = down
					}
				}
				for a, down := range downs {
					if !slices.Contains(list, a) {
						down(errors.New("gone"))
						delete(downs, a)
					}
				}
			}
		}()
		get := func(ctx context.Context) (string, error) {
			a, _, err := rr.Get(ctx, BalancerGetOptions{BlockingWait: true})
			return a.Addr, err
		}
		takeTurns := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for range 2 * len(want) {
				addr, err := get(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, addr)
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("Get names %q, want %q", got, want)
			}
		}

		w := r.watcher(t, 0)
		w.send(t, add("a:1", "b:1")...)
		takeTurns("a:1", "b:1")
		if rr.Up(Address{Addr: "a:1"}) != nil {
			t.Error("a second Up of an address that is up returns a function")
		}
		w.send(t, append(del("a:1"), add("c:1")...)...)
		takeTurns("b:1", "c:1")

		w.send(t, del("b:1", "c:1")...)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp, waited := make(chan error), make(chan error)
		go func() { _, err := get(ctx); gaveUp <- err }()
		go func() { _, err := get(t.Context()); waited <- err }()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; err != context.Canceled {
			t.Errorf("Get that waits: %v, want %v", err, context.Canceled)
		}
		w.send(t, add("d:1")...)
		if err := <-waited; err != nil {
			t.Errorf("Get that waits: %v", err)
		}

		if err := rr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		<-ended
		if err := rr.Close(); err == nil {
			t.Error("the second Close returns no error")
		}
		if _, err := get(t.Context()); err != grpc.ErrClientConnClosing {
			t.Errorf("Get after Close: %v", err)
		}
	})
}

// The same row: "beside a ClientConn", in a program that dials without WithBlock,
// and asks the balancer until there is an address to send RPCs to.
func TestShapeReadyByPollingGet(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	rr := RoundRobin(r)
	conn := dial(t, "svc", WithBalancer(rr))
	ready := func() bool {
		_, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: false})
		return err == nil
	}
	if ready() {
		t.Error("Get returns an address before there is one")
	}
	w := r.watcher(t, 0)
	w.send(t)
	if ready() {
		t.Error("Get returns an address though there is none")
	}
	w.send(t, add(addrsOf(b...)...)...)
	eventually(t, "Get returns an address", ready)
	call(t, conn)
	callAll(t, conn, b...)
}
