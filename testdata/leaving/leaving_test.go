package leaving

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

func TestMain(m *testing.M) {
	// What the developer has set must not decide about programs.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CONSUL_") || strings.HasPrefix(name, "GRPC_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// The same happens to the program at each station, and its calls see the same, but
// for what the table says.
func TestLeaving(t *testing.T) {
	w := newWorld(t)
	s := &scenario{t: t, world: w, stations: buildStations(t, w.agent.Address()), open: make(map[string]row)}
	for _, r := range table {
		s.open[r.step] = r
	}
	for _, at := range s.stations {
		at.process = start(t, at.exe)
	}
	s.start("A", "B", "C")
	s.instances()
	s.backendsStop()
	s.consulStops()
	s.ends()
	for name := range s.open {
		t.Errorf("%s: the table has a row, and this has not happened", name)
	}
}

// instances come and leave, and change their health.
func (s *scenario) instances() {
	s.step("no instance yet: a call", s.one("call 1 now 2s"))
	s.step("no instance yet: a call that waits, past its deadline", s.one("call 1 wait 100ms"))
	s.step("no instance yet: a call that waits begins", s.one("begin 1 wait"))
	s.step("no instance yet: a second one begins", s.one("begin 2 wait"))
	s.step("no instance yet: the second is canceled", s.one("cancel 2"))
	s.step("no instance yet: the second ends", s.one("end 2"))
	s.step("no instance yet: the first waits", s.one("pending 1"))

	s.register(api.HealthPassing, "A", "B", "C")
	s.step("instances come: the call that waits", s.any("end 1"))
	s.step("instances come: calls", s.turns("A", "B", "C"))
	s.step("instances come: the state", s.one("state"))
	s.step("a call: its :authority", s.authorityOfCall)
	s.fresh(plain, func() {
		s.step("before the first call: waiting for state READY", s.one("ready 3s"))
		s.step("before the first call: waiting for state READY, and then a call", s.any("call 1 now 5s"))
	})

	s.step("a stream to C", s.streamTo("C"))
	s.deregister("C")
	s.step("C leaves: calls", s.turns("A", "B"))
	s.step("C leaves: its stream", s.one("pending C"))
	s.kill("C")
	s.step("C has left, and stops: its stream", s.one("end C"))

	s.step("a stream to A", s.streamTo("A"))
	s.register(api.HealthCritical, "A", "B")
	s.step("all are critical: calls", s.fails)
	s.step("all are critical: a call that waits, past its deadline", s.one("call 1 wait 100ms"))
	s.step("all are critical: a call that waits begins", s.one("begin 3 wait"))
	s.step("all are critical: the state", s.one("state"))
	s.step("all are critical: the stream", s.one("pending A"))
	s.register(api.HealthPassing, "A", "B")
	s.step("all are passing: the call that waits", s.any("end 3"))
	s.step("all are passing: calls", s.turns("A", "B"))
	s.step("all are passing: the stream", s.one("pending A"))
	s.step("all are passing: the stream is canceled", s.one("cancel A"))
	s.step("all are passing: the stream ends", s.one("end A"))
}

// backendsStop lets backends fail that Consul calls healthy.
func (s *scenario) backendsStop() {
	s.step("a stream to B", s.streamTo("B"))
	s.kill("B")
	s.step("B is killed: its stream", s.one("end B"))
	s.step("B is killed: calls", s.turns("A"))
	s.world.start("B")
	s.step("B is back: calls", s.turns("A", "B"))
	s.kill("A", "B")
	s.step("all are killed: calls", s.fails)
	s.step("all are killed: a call that waits, past its deadline", s.one("call 1 wait 100ms"))
	s.step("all are killed: a call that waits begins", s.one("begin 4 wait"))
	s.step("all are killed: the state", s.one("state"))
	s.world.start("A", "B")
	s.step("all are back: the call that waits", s.any("end 4"))
	s.step("all are back: calls", s.turns("A", "B"))
}

// consulStops lets Consul fail, and change while it is not heard.
func (s *scenario) consulStops() {
	s.step("a second stream to A", s.streamTo("A"))
	if err := s.agent.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.seesConsulFail()
	s.step("Consul is killed: calls", s.turns("A", "B"))
	s.step("Consul is killed: the stream", s.one("pending A"))
	s.fresh(plain, func() {
		s.seesConsulFail()
		s.step("dialling while Consul is down: a call", s.one("call 1 now 5s"))
		s.step("dialling while Consul is down: a call that waits begins", s.one("begin 5 wait"))
		if err := s.agent.Restart(testwait.Context(s.t)); err != nil {
			s.t.Fatal(err)
		}
		s.step("dialled while Consul was down: the call that waits", s.any("end 5"))
		s.step("dialled while Consul was down: calls", s.turns("A", "B"))
	})
	for _, at := range s.stations {
		if at.end() != "" { // and somebody starts it again
			at.process = start(s.t, at.exe)
		}
	}
	s.world.start("C")
	s.register(api.HealthPassing, "C")
	s.step("Consul is back, with one more: calls", s.turns("A", "B", "C"))

	s.fresh(idling, func() {
		s.step("a program that will be idle: calls", s.turns("A", "B", "C"))
		for _, at := range s.stations[1:] {
			s.until(at, "is idle", func() bool { return s.one("state")(at) == "IDLE" })
		}
		if err := s.agent.Pause(); err != nil {
			s.t.Fatal(err)
		}
		s.step("after 30 minutes without a call, while Consul is silent: a call", s.any("call 1 now 1s"))
		s.fresh(plain, func() {
			s.step("dialling while Consul is silent: a call", s.one("call 1 now 1s"))
			if err := s.agent.Resume(); err != nil {
				s.t.Fatal(err)
			}
			s.step("dialled while Consul was silent: calls", s.turns("A", "B", "C"))
		})
		s.step("after idleness, while Consul was silent: calls", s.turns("A", "B", "C"))
	})
}

func plain(at *station) string  { return at.exe }
func idling(at *station) string { return at.idling }

// ends is the last instance's end and the connection's.
func (s *scenario) ends() {
	s.step("a second stream to C", s.streamTo("C"))
	s.deregister("A", "B", "C")
	s.step("the last ones leave: calls", s.fails)
	s.step("the last ones leave: a call that waits, past its deadline", s.one("call 1 wait 100ms"))
	s.step("the last ones leave: a call that waits begins", s.one("begin 6 wait"))
	s.step("the last ones leave: it waits", s.one("pending 6"))
	s.step("the last ones leave: the stream", s.one("pending C"))
	s.step("Close", s.one("close"))
	s.step("Close: the call that waits", s.one("end 6"))
	s.step("Close: the stream", s.either("Canceled", "Unavailable", s.one("end C")))
	s.step("Close: a call", s.one("call 1 now 5s"))
	s.step("Close: a call that waits", s.one("call 1 wait 5s"))
	s.step("Close: the state", s.one("state"))
	s.step("Close: Close", s.one("close"))
}

// seesConsulFail waits until each program says that it will ask Consul again, or dies.
// The native one asks Consul when it has a call to make.
func (s *scenario) seesConsulFail() {
	for _, at := range s.stations {
		s.until(at, "sees that Consul is down", func() bool {
			s.one("call 1 now 5s")(at)
			return strings.Contains(at.logged(), " again in ")
		})
	}
}

// authorityOfCall is what a backend sees of a call.
func (s *scenario) authorityOfCall(at *station) string {
	if o := s.any("call 1 now 5s")(at); o != "answered" {
		return o
	}
	return s.authority.Load().(string)
}

// either is for what is one or the other by chance, in each version of grpc-go.
func (s *scenario) either(one, other string, see look) look {
	return func(at *station) string {
		if saw := see(at); saw != one && saw != other {
			return saw
		}
		return one + " or " + other
	}
}
