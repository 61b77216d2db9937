package consultest

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// These tests run on synctest's clock, and therefore below the network.

// inBubble runs test with a catalogue and a server without a listener.
func inBubble(t *testing.T, test func(t *testing.T, s *Server)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t.Context())
		defer s.catalog.close()
		test(t, s)
	})
}

func (s *Server) statusOf(t *testing.T, name string) string {
	t.Helper()
	entries, _, _ := s.catalog.instances(name, nil, false)
	if len(entries) != 1 {
		return strconv.Itoa(len(entries)) + " instances"
	}
	return entries[0].Checks[1].Status
}

// after lets time pass and expects a status at its end.
func (s *Server) after(t *testing.T, d time.Duration, want string) {
	t.Helper()
	time.Sleep(d) // synctest's clock
	synctest.Wait()
	if got := s.statusOf(t, "web"); got != want {
		t.Errorf("%v later: %s, want %s", d, got, want)
	}
}

func (s *Server) mustRegister(t *testing.T, check checkDefinition) {
	t.Helper()
	if err := s.catalog.register(registration{Name: "web", Check: &check}, false); err != nil {
		t.Fatal(err)
	}
}

func TestTTLIsExact(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server) {
		s.mustRegister(t, checkDefinition{TTL: duration(time.Minute), Status: "passing"})
		s.after(t, time.Minute-1, "passing")
		if err := s.catalog.update("service:web", "warning", ""); err != nil {
			t.Fatal(err)
		}
		s.after(t, time.Minute-1, "warning")
		s.after(t, 1, "critical")
		if err := s.SetHealth("web", "passing"); err != nil {
			t.Fatal(err)
		}
		s.after(t, time.Minute-1, "passing")
		s.after(t, 1, "critical")
		if err := s.catalog.update("service:web", "passing", ""); err != nil {
			t.Fatal(err)
		}
		s.after(t, time.Minute/2, "passing")
		s.mustRegister(t, checkDefinition{TTL: duration(time.Minute), Status: "passing"})
		s.after(t, time.Minute-1, "passing")
		s.after(t, 1, "critical")
	})
}

func TestDeregisterCriticalServiceAfterIsExact(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server) {
		s.mustRegister(t, checkDefinition{TTL: duration(time.Hour), DeregisterCriticalServiceAfter: duration(time.Minute)})
		s.after(t, time.Minute-1, "critical")
		if err := s.SetHealth("web", "warning"); err != nil {
			t.Fatal(err)
		}
		s.after(t, 2*time.Minute, "warning")
		if err := s.SetHealth("web", "critical"); err != nil {
			t.Fatal(err)
		}
		s.after(t, time.Minute/2, "critical")
		// Being told the same again does not start the time anew.
		if err := s.catalog.update("service:web", "critical", "still"); err != nil {
			t.Fatal(err)
		}
		s.after(t, time.Minute/2-1, "critical")
		_, before, _ := s.catalog.instances("web", nil, false)
		s.after(t, 1, "0 instances")
		if _, after, _ := s.catalog.instances("web", nil, false); after <= before {
			t.Errorf("index %d after %d", after, before)
		}
		if err := s.catalog.update("service:web", "passing", ""); err == nil {
			t.Error("the check is still there")
		}
	})
}

func TestDeregisteringStopsTheClocks(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server) {
		short := checkDefinition{TTL: duration(time.Minute), Status: "passing", DeregisterCriticalServiceAfter: duration(time.Second)}
		s.mustRegister(t, short)
		if err := s.Deregister("web"); err != nil {
			t.Fatal(err)
		}
		s.mustRegister(t, checkDefinition{TTL: duration(time.Hour), Status: "passing"})
		s.after(t, 10*time.Minute, "passing")
		s.catalog.reset()
		s.mustRegister(t, short)
		s.catalog.reset()
		s.mustRegister(t, checkDefinition{TTL: duration(time.Hour), Status: "passing"})
		s.after(t, 10*time.Minute, "passing")
	})
}

func TestHowLongAQueryBlocks(t *testing.T) {
	for _, test := range []struct {
		wait string
		want time.Duration
	}{
		{"", 5 * time.Minute},
		{"&wait=0s", 5 * time.Minute},
		{"&wait=1s", time.Second},
		{"&wait=10m", 10 * time.Minute},
		{"&wait=1h", 10 * time.Minute},
		{"&wait=1ns", 1},
	} {
		inBubble(t, func(t *testing.T, s *Server) {
			begin := time.Now()
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/health/service/web?index=1"+test.wait, nil)
			s.route(w, r)
			if took := time.Since(begin); took < test.want || took > test.want+test.want/16 {
				t.Errorf("%q: %v, want %v and up to a sixteenth more", test.wait, took, test.want)
			}
			if w.Body.String() != "[]" || w.Header().Get("X-Consul-Index") != "1" {
				t.Errorf("%q: %s %v", test.wait, w.Body, w.Header())
			}
		})
	}
}
