package adapter

import (
	"reflect"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
)

func TestNewBuilder(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "Legacy://authority/svc?tag=%2F", // grpc lowers the scheme
		grpc.WithResolvers(NewBuilder("Legacy", r)), grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	w := r.watcher(t, 0)
	if got := r.resolved()[0]; got != "svc?tag=%2F" {
		t.Errorf("Resolve got %q", got)
	}
	w.send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b...)
	w.send(t, del(b[0].Addr())...)
	callAll(t, conn, b[1:]...)
	conn.Close()
	if n := w.closeCount(); n != 1 {
		t.Errorf("the watcher was closed %d times, want once", n)
	}
}

// A service config of the user's own has an effect, with a builder that is registered
// as with any other.
func TestNewBuilderRegistered(t *testing.T) {
	b, attempts := flaky(t)
	builder := NewBuilder("grpcnaming-test-registered", fixedResolver{b.Addr()})
	resolver.Register(builder)
	call(t, dial(t, builder.Scheme()+":///svc", grpc.WithDefaultServiceConfig(retryConfig)))
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, want the retry policy's 3", n)
	}
}

// A modern LB policy reads the Metadata of the old API, and another Metadata makes
// another address of the same Addr.
func TestMetadataUnderModernPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []resolver.Address
		w, cc := newScriptWatcher(), &toldConn{update: func(s resolver.State) { got = append(got, s.Addresses[0]) }}
		defer build(t, NewBuilder("old", inTurn(w)), cc).Close()
		weight := func(n int) map[string]int { return map[string]int{"weight": n} } // comparing it with == would panic
		for _, metadata := range []interface{}{weight(3), weight(3), weight(4), nil} {
			w.send(t, append(del("a:1", "b:1"), addWith("a:1", metadata), addWith("b:1", nil))...)
			synctest.Wait()
			if m := Metadata(got[len(got)-1]); !reflect.DeepEqual(m, metadata) {
				t.Errorf("Metadata = %v, want %v", m, metadata)
			}
		}
		for i, same := range []bool{true, false, false} {
			if got[i].Equal(got[i+1]) != same {
				t.Errorf("the addresses %v and %v are equal: %v, want %v", got[i], got[i+1], !same, same)
			}
		}
		if m := Metadata(resolver.Address{Addr: "a:1"}); m != nil {
			t.Errorf("Metadata of an address that is not of NewBuilder: %v", m)
		}
	})
}
