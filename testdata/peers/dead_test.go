package peers

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// Consul does not run yet when a program dials.
func TestDownAtDial(t *testing.T) {
	t.Parallel()
	a, running := agent(t), backends(t, 3)
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	const service = "down-at-dial"
	callers := start(t, Clients, a.Address(), service)
	for _, c := range callers {
		c.begins(t, func(calls []call) bool { return len(calls) > 0 })
	}
	time.Sleep(span(500*time.Millisecond, 5*time.Second)) // for so long it does not run
	comesUp := time.Now()
	if err := a.Restart(testwait.Context(t)); err != nil {
		t.Fatal(err)
	}
	answers := time.Now()
	for _, b := range running {
		register(t, a.Client(), service, b)
	}
	for _, c := range callers {
		took := never
		if c.recovers(t, answers, func(calls []call) bool { return len(answering(calls)) > 0 }) {
			for _, one := range c.since(answers) {
				if one.Addr != "" {
					took = one.Ended.Sub(answers)
					break
				}
			}
		}
		downAtDial.seconds(c, "first RPC after", took)
		var meanwhile []call
		for _, one := range c.since(time.Time{}) {
			if one.Ended.Before(comesUp) {
				meanwhile = append(meanwhile, one)
			}
		}
		downAtDial.text(c, "an RPC meanwhile", says(meanwhile, a.Address()))
		downAtDial.crash(t, c)
		c.end()
	}
	downAtDial.complete(t)
}

// Consul is dead for a while and has lost everything when it is back, its index with
// it. A second later instances are registered anew; one of them is another. Its
// predecessor runs on, so that only Consul says that it is gone, or has stopped when
// Consul did.
func TestBackWithLowerIndex(t *testing.T) {
	t.Parallel()
	a := agent(t)
	for range 50 { // so that the index is higher than it will be
		if _, err := a.Client().KV().Put(&api.KVPair{Key: "any"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	cases := []*restarted{
		{table: backLower, service: "back-lower"},
		{table: backLowerStopped, service: "back-lower-stopped", stops: true},
	}
	for _, r := range cases {
		r.before(t, a.Client(), a.Address())
	}
	dies := time.Now()
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, r := range cases {
		if r.stops {
			r.gone.Stop()
		}
	}
	time.Sleep(span(500*time.Millisecond, 8*time.Second)) // for so long it is dead
	if err := a.Restart(testwait.Context(t)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(span(200*time.Millisecond, time.Second)) // for so long it knows no instance
	for _, r := range cases {
		r.after(t, a.Client())
	}
	for _, r := range cases {
		r.measure(t, dies)
	}
}
