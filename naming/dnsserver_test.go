package naming

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience bounds every wait of a test for something that does happen.
const patience = 20 * time.Second

// zone is what a dnsServer answers.
type zone struct {
	records []string        // in zone file form, names with a trailing dot
	rcodes  map[string]int  // answers without records, by question
	silent  map[string]bool // questions without an answer
}

// dnsServer is a DNS server whose zone can be exchanged. A question is spelled
// "name. TYPE".
type dnsServer struct {
	t       *testing.T
	mu      sync.Mutex
	zone    zone
	asked   map[string]int // since the zone was exchanged
	changed chan struct{}  // closed when asked changes
}

// startDNS serves records on loopback, and points net.DefaultResolver there for
// the rest of the test.
func startDNS(t *testing.T, records ...string) *dnsServer {
	t.Helper()
	s := newDNSServer(t, records...)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		server.Handler = s
		started, stopped := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(stopped)
			if err := server.ActivateAndServe(); err != nil {
				t.Errorf("DNS server: %v", err)
			}
		}()
		<-started
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Errorf("stopping the DNS server: %v", err)
			}
			<-stopped
		})
	}
	useDialer(t, func(ctx context.Context, network string) (net.Conn, error) {
		if strings.HasPrefix(network, "udp") {
			return new(net.Dialer).DialContext(ctx, "udp", packets.LocalAddr().String())
		}
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	})
	return s
}

func newDNSServer(t *testing.T, records ...string) *dnsServer {
	s := &dnsServer{t: t, changed: make(chan struct{})}
	s.serve(zone{records: records})
	return s
}

// useDialer makes net.DefaultResolver reach its server through dial, for the
// rest of the test. At its end all connections break, so that no look-up is left.
func useDialer(t *testing.T, dial func(ctx context.Context, network string) (net.Conn, error)) {
	var mu sync.Mutex
	var conns []net.Conn
	over := false
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if over {
				return nil, errors.New("the test is over")
			}
			c, err := dial(ctx, network)
			if err == nil {
				conns = append(conns, c)
			}
			return c, err
		},
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		net.DefaultResolver = old // with the lock, as package net reads it in dial
		over = true
		for _, c := range conns {
			c.Close()
		}
	})
}

// serve exchanges the zone and forgets what was asked before.
func (s *dnsServer) serve(z zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone, s.asked = z, map[string]int{}
}

// ServeDNS implements dns.Handler.
func (s *dnsServer) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	answer := s.answer(question)
	if answer == nil {
		return
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		answer.Truncate(dns.MinMsgSize)
	}
	// The client may be gone: tests close watchers in the middle of a look-up.
	_ = w.WriteMsg(answer)
}

// answer returns nil for a question that the zone is silent about.
func (s *dnsServer) answer(question *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := question.Question[0]
	name := strings.ToLower(q.Name)
	key := name + " " + dns.TypeToString[q.Qtype]
	s.asked[key]++
	close(s.changed)
	s.changed = make(chan struct{})

	if s.zone.silent[key] {
		return nil
	}
	answer := new(dns.Msg).SetReply(question)
	answer.RecursionAvailable = true
	if rcode, ok := s.zone.rcodes[key]; ok {
		answer.Rcode = rcode
		return answer
	}
	answer.Rcode = dns.RcodeNameError
	for _, record := range s.zone.records {
		rr, err := dns.NewRR(record)
		if err != nil {
			s.t.Errorf("record %q: %v", record, err)
			continue
		}
		if rr.Header().Name != name {
			continue
		}
		answer.Rcode = dns.RcodeSuccess
		if rr.Header().Rrtype == q.Qtype {
			answer.Answer = append(answer.Answer, rr)
		}
	}
	return answer
}

// await returns when the current zone has been asked question n times.
func (s *dnsServer) await(question string, n int) {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		asked, changed := s.asked[question], s.changed
		s.mu.Unlock()
		if asked >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			s.t.Fatalf("%q was asked %d times, want %d", question, asked, n)
		}
	}
}

// count returns how often the current zone has been asked question.
func (s *dnsServer) count(question string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[question]
}
