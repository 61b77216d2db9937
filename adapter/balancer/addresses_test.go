package balancer_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
)

// What today's grpc makes anew for each update, and is equal, is the same for code that
// compares addresses with ==.
func TestFreshAttributes(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	updates := make(chan []resolver.Address, 1)
	p.resolved = func(_ *policy, addrs []resolver.Address) { updates <- addrs }
	c := s.dial(p.name)
	send := func(v any) []resolver.Address {
		c.resolver.UpdateState(resolver.State{Addresses: []resolver.Address{
			{Addr: "a", Attributes: attributes.New("k", v)},
			{Addr: "a", BalancerAttributes: attributes.New("k", v)},
			{Addr: "b"},
		}})
		return <-updates
	}
	first, second, third := send("v"), send("v"), send("w")
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("address %d: %v is not %v", i, first[i], second[i])
		}
		if first[i].Addr == "a" && second[i] == third[i] {
			t.Errorf("address %d: %v is %v", i, second[i], third[i])
		}
	}
	send([]int{1}) // cannot be compared
	if got := send([]int{1}); len(got) != 3 {
		t.Errorf("%d addresses, want 3", len(got))
	}
}

// A resolver that names endpoints only, as grpc's own do one day, has addresses.
func TestEndpointsOnly(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	updates := make(chan []resolver.Address, 1)
	p.resolved = func(_ *policy, addrs []resolver.Address) { updates <- addrs }
	c := s.dial(p.name)
	c.resolver.UpdateState(resolver.State{Endpoints: []resolver.Endpoint{
		{Addresses: []resolver.Address{{Addr: "a"}, {Addr: "b"}}}, {Addresses: []resolver.Address{{Addr: "c"}}}}})
	if got := fmt.Sprint((<-updates)); strings.Count(got, "Addr: ") != 3 {
		t.Errorf("addresses: %v", got)
	}
}
