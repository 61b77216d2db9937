package adapter

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcnaming/grpcnaming/naming"
)

// flood is a watcher of n batches of one Add each, as fast as they are asked for.
type flood struct {
	n, sent int
	done    chan struct{} // closed when Next is called once more: all have been folded
	closed  chan struct{}
}

func newFlood(n int) *flood {
	return &flood{n: n, done: make(chan struct{}), closed: make(chan struct{})}
}

func (b *flood) Resolve(string) (naming.Watcher, error) { return b, nil }

func (b *flood) Next() ([]*naming.Update, error) {
	if b.sent == b.n {
		close(b.done)
		<-b.closed
		return nil, errWatcherClosed
	}
	b.sent++
	return add(fmt.Sprint("a", b.sent)), nil
}

func (b *flood) Close() { close(b.closed) }

// slowConn is a resolver.ClientConn that does not take the first State until it is
// allowed to.
type slowConn struct {
	resolver.ClientConn
	taken chan struct{} // receives when the first State has come
	allow chan struct{}

	mu     sync.Mutex
	counts []int // of addresses, State by State
}

func (c *slowConn) UpdateState(s resolver.State) error {
	c.mu.Lock()
	c.counts = append(c.counts, len(s.Addresses))
	first := len(c.counts) == 1
	c.mu.Unlock()
	if first {
		c.taken <- struct{}{}
		<-c.allow
	}
	return nil
}

func (c *slowConn) ReportError(error) {}

func (c *slowConn) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{}
}

func (c *slowConn) states() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.counts)
}

// While grpc is busy with a State, everything goes on being read, and what it is
// told next is all of it at once.
func TestNewestWins(t *testing.T) {
	const n = 10_000
	for name, builder := range map[string]func(naming.Resolver) resolver.Builder{
		"NewBuilder": func(r naming.Resolver) resolver.Builder { return NewBuilder("old", r) },
		"WithBalancer": func(r naming.Resolver) resolver.Builder {
			return &bridgeBuilder{option: &balancerOption{balancer: RoundRobin(r)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFlood(n)
			cc := &slowConn{taken: make(chan struct{}), allow: make(chan struct{})}
			r, err := builder(b).Build(resolver.Target{}, cc, resolver.BuildOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			receive(t, "a State", cc.taken)
			select {
			case <-b.done:
			case <-time.After(patience):
				t.Fatal("reading does not go on while grpc is busy")
			}
			close(cc.allow)
			eventually(t, "the newest State", func() bool {
				c := cc.states()
				return c[len(c)-1] == n
			})
			if got := cc.states(); len(got) != 2 {
				t.Errorf("States of %v addresses, want the first and the newest", got)
			}
		})
	}
}

// Notify's channel has the newest list, and one that is its reader's own.
func TestNotifyHasTheNewest(t *testing.T) {
	const n = 10_000
	b := newFlood(n)
	rr := RoundRobin(b)
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	defer rr.Close()
	lists := rr.Notify()
	for list := range lists {
		for i, a := range list {
			if a.Addr != fmt.Sprint("a", i+1) {
				t.Fatalf("address %d of %d is %q", i, len(list), a.Addr)
			}
			list[i].Addr = "mine"
		}
		if len(list) == n {
			break
		}
	}
}

// A list costs as much as there are addresses, hence nobody makes those that
// nobody reads: of 10,000 lists with 5,000 addresses on average, 1.6 GB.
func TestNobodyListsForNobody(t *testing.T) {
	b := newFlood(10_000)
	rr := RoundRobin(b)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	defer rr.Close()
	select {
	case <-b.done:
	case <-time.After(patience):
		t.Fatal("the updates are not folded")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 100<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

// A snapshot stays as it was, whatever is done to the set, and a change does not
// cost a copy of what did not change.
func TestSnapshot(t *testing.T) {
	var s addressSet
	for i := range 1_000 {
		s.add(Address{Addr: fmt.Sprint(i)})
	}
	all := s.snapshot()
	was := slices.Clone(all.list())
	for i := range 900 { // closes the gaps on the way
		s.remove(Address{Addr: fmt.Sprint(i)})
	}
	left := s.snapshot()
	s.add(Address{Addr: "new"})
	s.removeAddr("950")
	if !sameList(all.list(), was) || !sameList(left.list(), was[900:]) {
		t.Errorf("snapshots of %d and %d addresses have changed", len(was), 100)
	}
	if got := testing.AllocsPerRun(100, func() {
		s.add(Address{Addr: "x"})
		s.remove(Address{Addr: "x"})
	}); got > 1 {
		t.Errorf("%v allocations for an Add and its Delete", got)
	}
}

// A list that others have is nobody's to change: what the pool gives is, at all
// times, the addresses of the snapshot, and what it gave before stays.
func TestListsStay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pool := listPool{made: make(map[listKey]weak.Pointer[addressList])}
	var sets [3]addressSet
	var models [3]modelSet
	var lists []*addressList
	var were []modelSet
	for range 2_000 {
		metadata := []interface{}{nil, nil, nil, rnd.IntN(2), []int{rnd.IntN(2)}, new(int)}[rnd.IntN(6)]
		u := &naming.Update{Op: naming.Operation(rnd.IntN(5) / 4), Addr: fmt.Sprint("a", rnd.IntN(100)), Metadata: metadata}
		for i := range sets {
			if rnd.IntN(50) > 0 { // else it misses one
				models[i], _ = models[i].fold(u)
				sets[i].fold([]*naming.Update{u})
			}
			l := pool.get(sets[i].snapshot())
			if !sameList(l.v1, models[i]) {
				t.Fatalf("%v, want %v", l.v1, models[i])
			}
			lists, were = append(lists, l), append(were, models[i])
		}
	}
	for i, l := range lists {
		if !sameList(l.v1, were[i]) {
			t.Fatalf("list %d has become %v, and was %v", i, l.v1, were[i])
		}
		if len(l.dialled) != len(l.v1) {
			t.Fatalf("%d addresses, %d to be dialled", len(l.v1), len(l.dialled))
		}
		for j, a := range l.v1 {
			if l.dialled[j].Addr != a.Addr {
				t.Fatalf("%q is dialled for %q", l.dialled[j].Addr, a.Addr)
			}
		}
	}
}

// ClientConns whose addresses are the same share their list, however each came to
// it, and a list that nobody has any more does not stay.
func TestListsAreShared(t *testing.T) {
	pool := listPool{made: make(map[listKey]weak.Pointer[addressList])}
	var a, b addressSet
	a.fold(add("1", "2", "3"))
	b.fold(add("0", "1", "2"))
	b.fold(del("0"))
	b.fold(add("3"))
	first, second := pool.get(a.snapshot()), pool.get(b.snapshot())
	if first != second {
		t.Error("equal addresses have two lists")
	}
	b.fold(add("4"))
	if third := pool.get(b.snapshot()); third == first || len(third.v1) != 4 || len(first.v1) != 3 {
		t.Error("other addresses have the same list")
	}
	runtime.KeepAlive(first)
	first, second = nil, nil
	eventually(t, "lists that nobody has are forgotten", func() bool {
		runtime.GC()
		pool.get(snapshot{})
		pool.mu.Lock()
		defer pool.mu.Unlock()
		delete(pool.made, listKey{}) // so that the next get sweeps
		return len(pool.made) == 0
	})
}

// Whatever list a Balancer names next, the SubConns are those of the addresses in
// it, and what stays keeps its own.
func TestReconcile(t *testing.T) {
	for name, lists := range map[string][]string{
		"appended":    {"abc", "abcd", "abcde"},
		"removed":     {"abcdef", "bcdef", "bcde", "bde"},
		"both":        {"abcdef", "bdefg", "efgh"},
		"reordered":   {"abcd", "dcba", "badc"},
		"repeated":    {"aba", "baab", "b", "bb"},
		"all other":   {"abc", "def", "abc"},
		"none":        {"abc", "", "cba"},
		"moved, gone": {"abcdef", "fabde", "dbf"},
	} {
		t.Run(name, func(t *testing.T) {
			p, cc, tell := policyUnderTest(&scriptBalancer{})
			defer p.Close()
			had := make(map[string]*fakeSubConn)
			for _, list := range lists {
				before := len(cc.subConns)
				var addresses []Address
				var dialled []string
				for _, r := range list {
					addresses = append(addresses, Address{Addr: string(r), Metadata: []string{string(r)}})
					dialled = append(dialled, string(r))
				}
				tell(v1State{addresses: addresses}, dialled...)
				have := make(map[string]*fakeSubConn)
				for _, s := range cc.subConns {
					if !s.shutdown {
						if have[s.addr] != nil {
							t.Fatalf("%q: %q has two SubConns", list, s.addr)
						}
						have[s.addr] = s
					}
				}
				fresh := 0
				for _, a := range addresses {
					s := have[a.Addr]
					if s == nil || had[a.Addr] != nil && had[a.Addr] != s {
						t.Fatalf("%q: %q has not kept its SubConn", list, a.Addr)
					}
					if p.routes.find(a) == nil || p.conns.routes().find(a) == nil {
						t.Fatalf("%q: no way to %q", list, a.Addr)
					}
					if had[a.Addr] == nil {
						had[a.Addr] = s
						fresh++
					}
				}
				for addr := range have {
					if !slices.Contains(dialled, addr) {
						t.Fatalf("%q: %q is still there", list, addr)
					}
				}
				for addr := range had {
					if have[addr] == nil {
						delete(had, addr)
					}
				}
				if n := len(cc.subConns) - before; n != fresh {
					t.Fatalf("%q: %d new SubConns, want %d", list, n, fresh)
				}
				if len(p.routes) != len(have) || len(p.conns.list) != len(have) {
					t.Fatalf("%q: %d routes, %d conns for %d addresses", list, len(p.routes), len(p.conns.list), len(have))
				}
			}
		})
	}
}

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
			newest, _ := fed.addresses()
			list = newest.list()
		}
		return len(list) == 4
	})
	p, cc, tell := policyUnderTest(rr)
	defer p.Close()
	dialled := []string{"a1", "a2", "a3", "a4"}
	tell(v1State{addresses: list, feed: f}, dialled...)
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
	tell(v1State{addresses: []Address{{Addr: "a1"}}, feed: f}, "a1")
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

// A State that grpc has to make endpoints for costs it more than all the rest.
func TestStateHasNoEndpointsToMake(t *testing.T) {
	b := newBridge(&balancerOption{}, "svc", nil, resolver.BuildOptions{})
	b.sent = addressLists.get(snapshot{log: []Address{{Addr: "a"}}, n: 1})
	s := b.state(v1State{addresses: b.sent.v1})
	if s.Endpoints == nil || len(s.Endpoints) > 0 {
		t.Errorf("endpoints are %v, want none, and not nil", s.Endpoints)
	}
	if v, ok := s.Attributes.Value(v1StateKey{}).(*v1State); !ok || v.Equal(new(v1State)) || s.Attributes.Equal(attributes.New(1, 1)) {
		t.Error("the policy does not find its own state")
	}
}

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
