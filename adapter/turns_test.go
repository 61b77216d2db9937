package adapter

import (
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// A RoundRobin's picks take turns as its Get does, with one counter for both, and
// end with it.
func TestTurns(t *testing.T) {
	rr := RoundRobin(newFlood(4)).(*roundRobin)
	var f *feed
	if err := rr.begin("svc", false, func(told *feed) { f = told }); err != nil {
		t.Fatal(err)
	}
	var list []Address
	eventually(t, "the addresses", func() bool {
		rr.mu.Lock()
		fed := f
		rr.mu.Unlock()
		if fed != nil {
			newest, _ := fed.fetch(&fed.bridgeTold)
			list = newest.list()
		}
		return len(list) == 4
	})
	p, cc, tell := policyUnderTest(rr)
	defer p.Close()
	dialled := []string{"a1", "a2", "a3", "a4"}
	tell(report{addresses: list, feed: f}, dialled...)
	pick := func() (string, error) {
		r, err := cc.last().Picker.Pick(balancer.PickInfo{Ctx: t.Context()})
		if err != nil {
			return "", err
		}
		return r.SubConn.(*fakeSubConn).addr, nil
	}
	if _, err := pick(); err != balancer.ErrNoSubConnAvailable {
		t.Fatalf("%v before anything is connected", err)
	}
	for _, i := range []int{3, 0, 2} { // in any order
		cc.subConns[i].enter(connectivity.Ready)
	}
	get := func() (string, error) {
		a, _, err := rr.Get(t.Context(), BalancerGetOptions{})
		return a.Addr, err
	}
	var got []string
	for i := range 9 {
		from := pick
		if i%2 == 1 {
			from = get
		}
		addr, err := from()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, addr)
	}
	start := slices.Index([]string{"a1", "a3", "a4"}, got[0])
	for i, addr := range got {
		if want := []string{"a1", "a3", "a4"}[(start+i)%3]; addr != want {
			t.Fatalf("%v: not in turns", got)
		}
	}
	cc.subConns[0].enter(connectivity.TransientFailure)
	for range 4 {
		if addr, err := pick(); err != nil || addr == "a1" {
			t.Fatalf("%q, %v: it is not connected", addr, err)
		}
	}
	if err := rr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pick(); err != grpc.ErrClientConnClosing {
		t.Errorf("%v after Close", err)
	}
}

// Neither a pick nor Get allocates.
func TestPicksAllocateNothing(t *testing.T) {
	rr := RoundRobin(nil).(*roundRobin)
	var f *feed
	if err := rr.begin("a1", false, func(told *feed) { f = told }); err != nil {
		t.Fatal(err)
	}
	defer rr.Close()
	p, cc, tell := policyUnderTest(rr)
	defer p.Close()
	tell(report{addresses: []Address{{Addr: "a1"}}, feed: f}, "a1")
	cc.subConns[0].enter(connectivity.Ready)
	picker, info := cc.last().Picker, balancer.PickInfo{Ctx: t.Context()}
	if n := testing.AllocsPerRun(1_000, func() {
		if _, err := picker.Pick(info); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per pick", n)
	}
	if _, ok := picker.(*turns); !ok {
		t.Fatalf("a RoundRobin's picker is %T", picker)
	}
	rr.Up(Address{Addr: "a1"})
	if n := testing.AllocsPerRun(1_000, func() {
		if _, _, err := rr.Get(info.Ctx, BalancerGetOptions{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per Get", n)
	}
}
