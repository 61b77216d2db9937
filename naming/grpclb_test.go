package naming

import (
	"testing"

	"github.com/miekg/dns"
)

// servfail is a zone with these records and these questions failing.
func servfail(records []string, questions ...string) zone {
	z := zone{records: records, rcodes: map[string]int{}}
	for _, q := range questions {
		z.rcodes[q] = dns.RcodeServerFailure
	}
	return z
}

func TestSRVGoesBeforeHost(t *testing.T) {
	s := startDNS(t,
		hostRecord,
		"_grpclb._tcp.host.test. 60 IN SRV 0 0 9 lb1.test.",
		"_grpclb._tcp.host.test. 60 IN SRV 0 0 8 lb1.test.",
		"_grpclb._tcp.host.test. 60 IN SRV 1 0 9 lb2.test.",
		"lb1.test. 60 IN A 1.1.1.1",
		"lb2.test. 60 IN AAAA 2001:db8::2",
	)
	wantNext(t, watch(t, "host.test:80"),
		lb(Add, "1.1.1.1:8", "lb1.test."), lb(Add, "1.1.1.1:9", "lb1.test."), lb(Add, "[2001:db8::2]:9", "lb2.test."))
	if n := s.count(hostA); n != 0 {
		t.Errorf("the host was looked up %d times in spite of its SRV records", n)
	}
	if n := s.count("lb1.test. A"); n != 1 {
		t.Errorf("lb1.test. was looked up %d times at once", n)
	}
}

const (
	hostRecord = "host.test. 60 IN A 5.5.5.5"
	srv1       = "_grpclb._tcp.host.test. 60 IN SRV 0 0 9 lb1.test."
	srv2       = "_grpclb._tcp.host.test. 60 IN SRV 0 0 9 lb2.test."
	lb1Record  = "lb1.test. 60 IN A 1.1.1.1"
	lb2Record  = "lb2.test. 60 IN A 2.2.2.2"
)

func TestSRVRecordsComeAndGo(t *testing.T) {
	s := startDNS(t, hostRecord)
	w := watch(t, "host.test.:80")
	wantNext(t, w, Update{Addr: "5.5.5.5:80"})
	s.serve(zone{records: []string{hostRecord, srv1, lb1Record}})
	wantNext(t, w, Update{Op: Delete, Addr: "5.5.5.5:80"}, lb(Add, "1.1.1.1:9", "lb1.test."))
	s.serve(zone{records: []string{hostRecord}})
	wantNext(t, w, lb(Delete, "1.1.1.1:9", "lb1.test."), Update{Addr: "5.5.5.5:80"})
}

// Neither the server's order of SRV records nor the one by weight, which is
// drawn by lot, may change the name of an address.
func TestSharedAddressKeepsItsName(t *testing.T) {
	for _, srvs := range [][]string{{srv1, srv2}, {srv2, srv1}} {
		startDNS(t, append(srvs, lb1Record, "lb2.test. 60 IN A 1.1.1.1")...)
		wantNext(t, watch(t, "host.test."), lb(Add, "1.1.1.1:9", "lb1.test."))
	}
}

func TestOtherNameAtTheAddressIsAChange(t *testing.T) {
	s := startDNS(t, srv1, lb1Record)
	w := watch(t, "host.test.")
	wantNext(t, w, lb(Add, "1.1.1.1:9", "lb1.test."))
	s.serve(zone{records: []string{srv2, "lb2.test. 60 IN A 1.1.1.1"}})
	wantNext(t, w, lb(Delete, "1.1.1.1:9", "lb1.test."), lb(Add, "1.1.1.1:9", "lb2.test."))
}

// Each case: the zone at first, a zone in which look-ups fail, the question to
// see it asked, and a zone whose only news are to arrive.
func TestFailureKeepsLoadBalancers(t *testing.T) {
	for name, c := range map[string]struct {
		first  []string
		want   []Update
		broken zone
		asked  string
		last   []string
		change []Update
	}{
		"SRV look-up fails": {
			first:  []string{hostRecord, srv1, lb1Record},
			want:   []Update{lb(Add, "1.1.1.1:9", "lb1.test.")},
			broken: servfail([]string{hostRecord}, hostSRV),
			asked:  hostSRV,
			last:   []string{hostRecord, srv1, lb1Record, srv2, lb2Record},
			change: []Update{lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
		"the only target fails": {
			first:  []string{hostRecord, srv1, lb1Record},
			want:   []Update{lb(Add, "1.1.1.1:9", "lb1.test.")},
			broken: servfail([]string{hostRecord, srv1}, "lb1.test. A", "lb1.test. AAAA"),
			asked:  "lb1.test. A",
			last:   []string{hostRecord, srv1, lb1Record, srv2, lb2Record},
			change: []Update{lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
		"a new target in place of the old one fails": {
			first:  []string{hostRecord, srv1, lb1Record},
			want:   []Update{lb(Add, "1.1.1.1:9", "lb1.test.")},
			broken: zone{records: []string{hostRecord, srv2}},
			asked:  "lb2.test. A",
			last:   []string{hostRecord, srv2, lb2Record},
			change: []Update{lb(Delete, "1.1.1.1:9", "lb1.test."), lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
		"SRV records are gone and the host fails": {
			first:  []string{srv1, lb1Record},
			want:   []Update{lb(Add, "1.1.1.1:9", "lb1.test.")},
			broken: zone{},
			asked:  hostA,
			last:   []string{srv1, lb1Record, srv2, lb2Record},
			change: []Update{lb(Add, "2.2.2.2:9", "lb2.test.")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startDNS(t, c.first...)
			w := watch(t, "host.test.")
			wantNext(t, w, c.want...)
			s.serve(c.broken)
			next := start(w)
			s.await(c.asked, 5)
			if c.asked != hostA && s.count(hostA) != 0 {
				t.Error("the host was looked up although load balancers are known")
			}
			s.serve(zone{records: c.last})
			wantUpdates(t, next, c.change...)
		})
	}
}

func TestFailedTargetKeepsItsAddressesWhileOthersChange(t *testing.T) {
	s := startDNS(t, srv1, srv2, lb1Record, lb2Record)
	w := watch(t, "host.test.")
	wantNext(t, w, lb(Add, "1.1.1.1:9", "lb1.test."), lb(Add, "2.2.2.2:9", "lb2.test."))
	s.serve(zone{records: []string{srv1, srv2, "lb2.test. 60 IN A 3.3.3.3"}})
	wantNext(t, w, lb(Delete, "2.2.2.2:9", "lb2.test."), lb(Add, "3.3.3.3:9", "lb2.test."))
	// A second time, because what was kept must itself be kept.
	s.serve(zone{records: []string{srv1, srv2, lb2Record}})
	wantNext(t, w, lb(Delete, "3.3.3.3:9", "lb2.test."), lb(Add, "2.2.2.2:9", "lb2.test."))
	// With its SRV record the target goes, whatever its look-up says.
	s.serve(zone{records: []string{srv2, lb2Record}})
	wantNext(t, w, lb(Delete, "1.1.1.1:9", "lb1.test."))
}

func TestUselessSRVAnswerLeadsToHost(t *testing.T) {
	for name, broken := range map[string]zone{
		"SRV look-up fails":    servfail(nil, hostSRV),
		"target look-up fails": servfail([]string{srv1}, "lb1.test. A", "lb1.test. AAAA"),
		"no such target":       {records: []string{srv1}},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(records ...string) zone {
				return zone{records: append(records, broken.records...), rcodes: broken.rcodes}
			}
			s := startDNS(t)
			s.serve(with(hostRecord))
			w := watch(t, "host.test.:80")
			wantNext(t, w, Update{Addr: "5.5.5.5:80"})
			// The host's addresses are followed, not only taken once.
			s.serve(with("host.test. 60 IN A 6.6.6.6"))
			wantNext(t, w, Update{Op: Delete, Addr: "5.5.5.5:80"}, Update{Addr: "6.6.6.6:80"})
		})
	}
}
