package naming

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const (
	hostA   = "host.test. A"
	hostSRV = "_grpclb._tcp.host.test. SRV"
)

func TestFirstNextIsTheFullSetOverTCPToo(t *testing.T) {
	// Too many for a UDP answer.
	var records []string
	var want []Update
	for i := range 100 {
		records = append(records, fmt.Sprintf("host.test. 60 IN A 10.0.0.%d", i+100))
		want = append(want, Update{Addr: fmt.Sprintf("10.0.0.%d:443", i+100)})
	}
	records = append(records, "host.test. 60 IN AAAA 2001:db8::1")
	want = append(want, Update{Addr: "[2001:db8::1]:443"})
	startDNS(t, records...)
	wantNext(t, watch(t, "host.test"), want...)
}

func TestNamedPortGoesThrough(t *testing.T) {
	startDNS(t, "host.test. 60 IN A 1.2.3.4")
	wantNext(t, watch(t, "host.test.:http"), Update{Addr: "1.2.3.4:http"})
}

func TestNoHostIsLocalhost(t *testing.T) {
	startDNS(t, "localhost. 60 IN A 127.0.0.1")
	c := finish(t, start(watch(t, ":80")))
	// There may be an IPv6 one in /etc/hosts.
	if c.err != nil || !slices.Contains(values(c.updates), Update{Addr: "127.0.0.1:80"}) {
		t.Errorf("Next = %+v, %v, want 127.0.0.1:80", values(c.updates), c.err)
	}
}

func TestPollFindsChanges(t *testing.T) {
	s := startDNS(t, "host.test. 60 IN A 1.1.1.1", "host.test. 60 IN A 2.2.2.2")
	w := watch(t, "host.test.:80")
	wantNext(t, w, Update{Addr: "1.1.1.1:80"}, Update{Addr: "2.2.2.2:80"})
	s.serve(zone{records: []string{"host.test. 60 IN A 2.2.2.2", "host.test. 60 IN A 3.3.3.3"}})
	wantNext(t, w, Update{Op: Delete, Addr: "1.1.1.1:80"}, Update{Addr: "3.3.3.3:80"})
	s.serve(zone{records: []string{"host.test. 60 IN A 2.2.2.2"}})
	wantNext(t, w, Update{Op: Delete, Addr: "3.3.3.3:80"})
}

func TestDeletesComeFirstAndAllIsSorted(t *testing.T) {
	var before, after []string
	var added, changed []Update
	for i := range 9 {
		before = append(before, fmt.Sprintf("host.test. 60 IN A 1.1.1.%d", 9-i))
		after = append(after, fmt.Sprintf("host.test. 60 IN A 0.0.0.%d", 9-i))
		added = append(added, Update{Addr: fmt.Sprintf("1.1.1.%d:443", i+1)})
		changed = append(changed, Update{Op: Delete, Addr: fmt.Sprintf("1.1.1.%d:443", i+1)})
	}
	for i := range 9 {
		changed = append(changed, Update{Addr: fmt.Sprintf("0.0.0.%d:443", i+1)})
	}
	s := startDNS(t, before...)
	w := watch(t, "host.test.")
	wantNext(t, w, added...)
	s.serve(zone{records: after})
	wantNext(t, w, changed...)
}

func TestUpdatesHandedOutAreNotTouchedAgain(t *testing.T) {
	s := startDNS(t, "host.test. 60 IN A 1.1.1.1")
	w := watch(t, "host.test.")
	added := wantNext(t, w, Update{Addr: "1.1.1.1:443"})
	s.serve(zone{records: []string{"host.test. 60 IN A 2.2.2.2"}})
	deleted := wantNext(t, w, Update{Op: Delete, Addr: "1.1.1.1:443"}, Update{Addr: "2.2.2.2:443"})
	if added[0] == deleted[0] || *added[0] != (Update{Addr: "1.1.1.1:443"}) {
		t.Errorf("the first Update has become %+v", *added[0])
	}
	// What the caller does to its Update is not ours to see either.
	deleted[1].Addr = "changed by the caller"
	s.serve(zone{records: []string{"host.test. 60 IN A 3.3.3.3"}})
	wantNext(t, w, Update{Op: Delete, Addr: "2.2.2.2:443"}, Update{Addr: "3.3.3.3:443"})
}

func TestDefaultResolverIsReadAtTheTimeOfTheLookup(t *testing.T) {
	w := watch(t, "host.test.") // before there is a server
	startDNS(t, "host.test. 60 IN A 1.1.1.1")
	wantNext(t, w, Update{Addr: "1.1.1.1:443"})
	startDNS(t, "host.test. 60 IN A 2.2.2.2")
	wantNext(t, w, Update{Op: Delete, Addr: "1.1.1.1:443"}, Update{Addr: "2.2.2.2:443"})
}

func TestFailedHostLookupKeepsTheAddresses(t *testing.T) {
	for name, failure := range map[string]zone{
		"SERVFAIL":   {rcodes: map[string]int{hostA: dns.RcodeServerFailure, "host.test. AAAA": dns.RcodeServerFailure}},
		"NXDOMAIN":   {},
		"no records": {records: []string{"host.test. 60 IN TXT moved"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startDNS(t, "host.test. 60 IN A 1.1.1.1")
			w := watch(t, "host.test.")
			wantNext(t, w, Update{Addr: "1.1.1.1:443"})
			s.serve(failure)
			next := start(w)
			s.await(hostA, 5)
			s.serve(zone{records: []string{"host.test. 60 IN A 1.1.1.1", "host.test. 60 IN A 2.2.2.2"}})
			wantUpdates(t, next, Update{Addr: "2.2.2.2:443"})
		})
	}
}

func TestCloseIsFinal(t *testing.T) {
	for name, target := range map[string]string{"IP": "127.0.0.1:80", "DNS": "host.test."} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *dnsServer) {
				w := watchEvery(t, time.Hour, target)
				if c := finish(t, start(w)); c.err != nil {
					t.Fatal(c.err)
				}
				next := start(w)
				synctest.Wait() // until Next waits
				w.Close()
				wantClosed(t, next)
				wantClosed(t, start(w))
				w.Close()
			}, "host.test. 60 IN A 1.1.1.1")
		})
	}
}

func TestCloseBeforeNext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *dnsServer) {
		for _, target := range []string{"127.0.0.1:80", "host.test."} {
			for range 20 { // because a mere select is right every other time
				w := watch(t, target)
				w.Close()
				w.Close()
				wantClosed(t, start(w))
			}
		}
		synctest.Wait()
		if n := s.count(hostSRV); n != 0 {
			t.Errorf("closed watchers asked DNS %d times", n)
		}
	}, "host.test. 60 IN A 1.1.1.1")
}

func TestCloseEndsALookup(t *testing.T) {
	for _, question := range []string{hostSRV, hostA} {
		t.Run(question, func(t *testing.T) {
			s := startDNS(t)
			s.serve(zone{silent: map[string]bool{question: true}})
			w := watch(t, "host.test.")
			w.(*dnsWatcher).OnError(func(err error) { t.Errorf("Close was reported as a failure: %v", err) })
			next := start(w)
			s.await(question, 1)
			begin := time.Now()
			w.Close()
			wantClosed(t, next)
			// Package net gives up by itself after two times 5 s.
			if d := time.Since(begin); d > 4*time.Second {
				t.Errorf("Next returned %v after Close", d)
			}
		})
	}
}
