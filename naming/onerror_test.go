package naming

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// onError is how package adapter looks at a watcher.
type onError interface{ OnError(func(error)) }

func TestOnErrorIsToldWhyNothingIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		zone     zone
		notFound bool
		names    []string
	}{
		"no such host": {zone{}, true, []string{"no such host"}},
		"host fails":   {servfail(nil, hostA, "host.test. AAAA"), false, []string{"misbehaving"}},
		"all fails": {
			servfail([]string{srv1}, "lb1.test. A", "lb1.test. AAAA", hostA, "host.test. AAAA"), false,
			[]string{"load balancer lb1.test.", "lookup lb1.test.", "lookup host.test."},
		},
		"SRV fails, no such host": {
			zone{rcodes: map[string]int{hostSRV: dns.RcodeServerFailure}}, false,
			[]string{"SRV records", "lookup _grpclb._tcp.host.test.", "lookup host.test."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startDNS(t)
			s.serve(c.zone)
			w := watch(t, "host.test.")
			failures := make(chan error)
			w.(onError).OnError(func(err error) {
				select {
				case failures <- err:
				case <-t.Context().Done():
				}
			})
			next := start(w)
			for range 3 { // every failure, not only the first
				err := <-failures
				var dnsErr *net.DNSError
				if !errors.As(err, &dnsErr) || dnsErr.IsNotFound != c.notFound {
					t.Errorf("%q wraps %+v, want a net.DNSError with IsNotFound = %v", err, dnsErr, c.notFound)
				}
				for _, want := range append(c.names, `"host.test."`) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not name %q", err, want)
					}
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%q has more than one line", err)
				}
			}
			s.serve(zone{records: []string{hostRecord}})
			for {
				select {
				case <-failures: // look-ups that began before
					continue
				case call := <-next:
					if call.err != nil || len(call.updates) != 1 {
						t.Errorf("Next = %+v, %v, want one address", values(call.updates), call.err)
					}
				}
				break
			}
		})
	}
}

func TestOnErrorIsNotToldWhileAddressesAreKnown(t *testing.T) {
	s := startDNS(t, hostRecord)
	w := watch(t, "host.test.")
	w.(onError).OnError(func(err error) { t.Errorf("OnError: %v", err) })
	wantNext(t, w, Update{Addr: "5.5.5.5:443"})
	s.serve(zone{})
	next := start(w)
	s.await(hostA, 5)
	w.Close()
	wantClosed(t, next)
}

func TestOnErrorMayClose(t *testing.T) {
	startDNS(t)
	w := watch(t, "host.test.")
	w.(onError).OnError(func(error) { w.Close() })
	wantClosed(t, start(w))
}

func TestIPWatcherHasOnErrorToo(t *testing.T) {
	w := watch(t, "127.0.0.1:80")
	w.(onError).OnError(func(err error) { t.Errorf("OnError: %v", err) })
	wantNext(t, w, Update{Addr: "127.0.0.1:80"})
}
