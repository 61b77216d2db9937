package adapter

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/addrset/addrsettest"
	"github.com/grpcnaming/grpcnaming/naming"
)

// FuzzRoundRobin drives RoundRobin by its exported methods with what Next
// returns, batch by batch, and compares the newest list of Notify, and whom Get
// names, with the model. A batch that begins with the byte 255 comes with an
// error: it is dropped, and what the next watcher says first takes the place of
// all, if it is adds alone (docs/contract.md).
func FuzzRoundRobin(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add([]byte{0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 2, 0}, uint8(1))
	f.Add([]byte{0, 0, 0, 255, 0, 0, 0, 1, 0, 0, 2, 0}, uint8(1))
	f.Add([]byte{0, 0, 0, 255, 0, 0, 3, 1, 0, 0, 2, 0}, uint8(1))
	f.Add([]byte{0, 0, 7, 0, 0, 16, 7, 0, 0, 3, 0, 0}, uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		defer logged.Drop()()
		synctest.Test(t, func(t *testing.T) { fuzzRoundRobin(t, data, int(size%8)+1) })
	})
}

func fuzzRoundRobin(t *testing.T, data []byte, size int) {
	resolver := &scriptResolver{}
	rr := RoundRobin(resolver)
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	var model addrsettest.Model
	var heard []addrset.Address // the newest list of Notify
	watcher, first, fresh := 0, true, true
	data = data[:min(len(data), addrsettest.FuzzLength)]
	for len(data) >= 3 {
		n := min(3*size, len(data)/3*3)
		batch := addrsettest.Updates(data[:n])
		failing := data[0] == 255
		data = data[n:]
		resolver.watchers[watcher].results <- map[bool]nextResult{
			false: {updates: batch}, true: {batch, errors.New("no agent")},
		}[failing]
		synctest.Wait()
		if failing {
			fresh = true
			watcher++
			time.Sleep(2 * lastRetry) // until Resolve is called again
			synctest.Wait()
			continue
		}
		adds := slices.ContainsFunc(batch, func(u *naming.Update) bool { return u != nil && u.Op == naming.Add })
		deletes := slices.ContainsFunc(batch, func(u *naming.Update) bool { return u != nil && u.Op == naming.Delete })
		if first || fresh && adds && !deletes {
			model = nil
		}
		first, fresh = false, false
		model, _ = model.FoldAll(batch)
		select {
		case list := <-rr.Notify():
			heard = nil
			for _, a := range list {
				heard = append(heard, addrset.Address(a))
			}
		default:
		}
		if !addrsettest.SameList(heard, model) {
			t.Fatalf("Notify's newest list is %v, want %v", heard, model)
		}
		time.Sleep(time.Second) // a batch that changes nothing is paid for with a tenth
	}

	// Each address is up once, whatever its Metadata, and has its turn.
	var downs []func(error)
	var up addrsettest.Model
	for _, a := range model {
		if down := rr.Up(Address(a)); down != nil {
			downs = append(downs, down)
		}
		if addrsettest.Equal(a, a) { // another is never found
			up = append(up, a)
		}
	}
	if len(up) > 0 {
		var served addrsettest.Model
		for range up {
			a, put, err := rr.Get(context.Background(), BalancerGetOptions{})
			if err != nil || put != nil {
				t.Fatalf("Get: %v, put %v", err, put != nil)
			}
			served = append(served, addrset.Address(a))
		}
		if !addrsettest.SameList(served, up) {
			t.Fatalf("Get named %v, want %v", served, up)
		}
	}
	for _, down := range downs {
		down(nil)
	}
	if err := rr.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	for n, w := range resolver.watchers {
		if w.closeCount() != 1 {
			t.Fatalf("watcher %d of %d was closed %d times", n, len(resolver.watchers), w.closeCount())
		}
	}
}
