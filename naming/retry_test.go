package naming

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// inBubble runs f under fake time, with a DNS server behind pipes, since a
// socket would keep the clock of the bubble from going on.
func inBubble(t *testing.T, f func(t *testing.T, s *dnsServer), records ...string) {
	// Package net makes things of lasting use at its first look-up. They must
	// not be of the bubble.
	startDNS(t, records...)
	if _, err := net.DefaultResolver.LookupHost(t.Context(), "host.test."); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newDNSServer(t, records...)
		useDialer(t, func(context.Context, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				c := &dns.Conn{Conn: server}
				for {
					question, err := c.ReadMsg()
					if err != nil || c.WriteMsg(s.answer(question)) != nil {
						return
					}
				}
			}()
			return client, nil
		})
		f(t, s)
	})
}

// wantAsked checks that the current zone is asked question at exactly these
// times after begin, given in ascending order.
func (s *dnsServer) wantAsked(question string, begin time.Time, at ...time.Duration) {
	s.t.Helper()
	for i, d := range at {
		if wait := time.Until(begin.Add(d)) - time.Millisecond; wait > 0 {
			time.Sleep(wait)
			synctest.Wait()
			if n := s.count(question); n != i {
				s.t.Fatalf("%q was asked %d times before %v, want %d", question, n, d, i)
			}
		}
		time.Sleep(time.Until(begin.Add(d)))
		synctest.Wait()
		if n := s.count(question); n != i+1 {
			s.t.Fatalf("%q was asked %d times up to %v, want %d", question, n, d, i+1)
		}
	}
}

func TestFailedLookupIsRetriedWithDoublingDelay(t *testing.T) {
	const host, sec = "host.test. A", time.Second
	up := []string{"host.test. 60 IN A 1.2.3.4"}
	inBubble(t, func(t *testing.T, s *dnsServer) {
		w := watchEvery(t, 10*sec, "host.test.")
		s.serve(zone{})
		next := start(w)
		at := []time.Duration{0, 1 * sec, 3 * sec, 7 * sec, 15 * sec}
		for range 60 { // doublings that a Duration does not hold
			at = append(at, at[len(at)-1]+10*sec)
		}
		s.wantAsked(host, time.Now(), at...)

		s.serve(zone{records: up})
		wantUpdates(t, next, Update{Addr: "1.2.3.4:443"})

		// Success brings back freq, and the next failure the first delay.
		begin := time.Now()
		s.serve(zone{})
		next = start(w)
		s.wantAsked(host, begin, 10*sec, 11*sec, 13*sec, 17*sec)
		w.Close()
		wantClosed(t, next)
	}, up...)
}

// A look-up that failed in part is one to repeat soon, too. With the host's own
// addresses in hand, it is still through a load balancer that clients should go.
func TestPartlyFailedLookupIsRetriedSoon(t *testing.T) {
	for name, c := range map[string]struct {
		broken zone
		want   Update
		change []Update
	}{
		"SRV look-up": {
			servfail([]string{hostRecord}, hostSRV),
			Update{Addr: "5.5.5.5:443"},
			[]Update{{Op: Delete, Addr: "5.5.5.5:443"}, lb(Add, "1.1.1.1:9", "lb1.test."), lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
		"look-up of one target": {
			zone{records: []string{srv1, srv2, lb1Record}},
			lb(Add, "1.1.1.1:9", "lb1.test."),
			[]Update{lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *dnsServer) {
				w := watchEvery(t, time.Minute, "host.test.")
				s.serve(c.broken)
				wantNext(t, w, c.want)
				begin := time.Now()
				s.serve(zone{records: []string{srv1, srv2, lb1Record, lb2Record}})
				wantNext(t, w, c.change...)
				if d := time.Since(begin); d != time.Second {
					t.Errorf("the look-up was repeated after %v, want 1s", d)
				}
			}, hostRecord)
		})
	}
}

func TestDefaultFreq(t *testing.T) {
	for name, newResolver := range map[string]func() (Resolver, error){
		"NewDNSResolver":  NewDNSResolver,
		"freq 0":          func() (Resolver, error) { return NewDNSResolverWithFreq(0) },
		"freq below zero": func() (Resolver, error) { return NewDNSResolverWithFreq(-time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			up := []string{"host.test. 60 IN A 1.2.3.4"}
			inBubble(t, func(t *testing.T, s *dnsServer) {
				r, err := newResolver()
				if err != nil {
					t.Fatal(err)
				}
				w, err := r.Resolve("host.test.")
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				wantNext(t, w, Update{Addr: "1.2.3.4:443"})
				begin := time.Now()
				s.serve(zone{records: up})
				next := start(w)
				s.wantAsked("host.test. A", begin, 30*time.Minute, 60*time.Minute)
				w.Close()
				wantClosed(t, next)
			}, up...)
		})
	}
}
