package naming

import (
	"strings"
	"testing"
	"testing/synctest"
)

// The scenarios of grpc-go v1.29.1's own tests of this package. What it tested
// with functions in place of look-ups is tested with a DNS server here.

func TestV1291CompileUpdate(t *testing.T) {
	// Changes are spelled "-deleted +added".
	for _, c := range []struct{ old, new, want string }{
		{"", "1.0.0.1", "+1.0.0.1"},
		{"1.0.0.1", "1.0.0.1", ""},
		{"1.0.0.0", "1.0.0.1", "-1.0.0.0 +1.0.0.1"},
		{"1.0.0.1", "1.0.0.0", "-1.0.0.1 +1.0.0.0"},
		{"1.0.0.1", "1.0.0.1 1.0.0.2 1.0.0.3", "+1.0.0.2 +1.0.0.3"},
		{"1.0.0.1 1.0.0.2 1.0.0.3", "1.0.0.0", "-1.0.0.1 -1.0.0.2 -1.0.0.3 +1.0.0.0"},
		{"1.0.0.1 1.0.0.3 1.0.0.5", "1.0.0.2 1.0.0.3 1.0.0.6", "-1.0.0.1 -1.0.0.5 +1.0.0.2 +1.0.0.6"},
		{"1.0.0.1 1.0.0.1 1.0.0.2", "1.0.0.1", "-1.0.0.2"},
	} {
		var got []string
		for _, u := range diff(backends(c.old), backends(c.new)) {
			if u.Metadata != nil {
				t.Errorf("Metadata of %s = %v, want nil", u.Addr, u.Metadata)
			}
			got = append(got, map[Operation]string{Add: "+", Delete: "-"}[u.Op]+u.Addr)
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("from %q to %q: %q, want %q", c.old, c.new, got, c.want)
		}
	}
}

func backends(list string) addrSet {
	set := addrSet{}
	for _, addr := range strings.Fields(list) {
		set[addr] = ""
	}
	return set
}

func TestV1291ResolveFunc(t *testing.T) {
	for target, wantErr := range map[string]string{
		"www.google.com":            "",
		"foo.bar:12345":             "",
		"127.0.0.1":                 "",
		"127.0.0.1:12345":           "",
		"[::1]:80":                  "",
		"[2001:db8:a0b:12f0::1]:21": "",
		":80":                       "",
		"127.0.0...1:12345":         "",
		"[fe80::1%lo0]:80":          "",
		"golang.org:http":           "",
		"[2001:db8::1]:http":        "",
		":":                         "",
		"":                          "missing address",
		"[2001:db8:a0b:12f0::1":     "invalid target address [2001:db8:a0b:12f0::1",
	} {
		r, err := NewDNSResolver()
		if err != nil {
			t.Fatal(err)
		}
		w, err := r.Resolve(target)
		switch {
		case wantErr == "" && err != nil:
			t.Errorf("Resolve(%q): %v", target, err)
		case wantErr == "":
			w.Close()
		case err == nil || !strings.HasPrefix(err.Error(), wantErr):
			t.Errorf("Resolve(%q) = %v, want an error that begins with %q", target, err, wantErr)
		}
	}
}

func TestV1291IPWatcher(t *testing.T) {
	for target, want := range map[string]string{
		"127.0.0.1":                            "127.0.0.1:443",
		"127.0.0.1:12345":                      "127.0.0.1:12345",
		"::1":                                  "[::1]:443",
		"[::1]:12345":                          "[::1]:12345",
		"[::1]:":                               "[::1]:443",
		"2001:db8:85a3::8a2e:370:7334":         "[2001:db8:85a3::8a2e:370:7334]:443",
		"[2001:db8:85a3::8a2e:370:7334]":       "[2001:db8:85a3::8a2e:370:7334]:443",
		"[2001:db8:85a3::8a2e:370:7334]:12345": "[2001:db8:85a3::8a2e:370:7334]:12345",
		"[2001:db8::1]:http":                   "[2001:db8::1]:http",
	} {
		t.Run(target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, target)
				wantNext(t, w, Update{Addr: want})
				next := start(w)
				synctest.Wait()
				select {
				case c := <-next:
					t.Fatalf("the second Next = %+v, %v, want it to wait", values(c.updates), c.err)
				default:
				}
				w.Close()
				wantClosed(t, next)
			})
		})
	}
}

func TestV1291DNSWatch(t *testing.T) {
	records := []string{
		"foo.bar.com. 60 IN A 1.2.3.4",
		"foo.bar.com. 60 IN A 5.6.7.8",
		"ipv4.single.fake. 60 IN A 1.2.3.4",
		"ipv4.multi.fake. 60 IN A 1.2.3.4",
		"ipv4.multi.fake. 60 IN A 5.6.7.8",
		"ipv4.multi.fake. 60 IN A 9.10.11.12",
		"ipv6.single.fake. 60 IN AAAA 2607:f8b0:400a:801::1001",
		"ipv6.multi.fake. 60 IN AAAA 2607:f8b0:400a:801::1001",
		"ipv6.multi.fake. 60 IN AAAA 2607:f8b0:400a:801::1002",
		"ipv6.multi.fake. 60 IN AAAA 2607:f8b0:400a:801::1003",
		"_grpclb._tcp.srv.ipv4.single.fake. 60 IN SRV 0 0 1234 ipv4.single.fake.",
		"_grpclb._tcp.srv.ipv4.multi.fake. 60 IN SRV 0 0 1234 ipv4.multi.fake.",
		"_grpclb._tcp.srv.ipv6.single.fake. 60 IN SRV 0 0 1234 ipv6.single.fake.",
		"_grpclb._tcp.srv.ipv6.multi.fake. 60 IN SRV 0 0 1234 ipv6.multi.fake.",
	}
	for _, c := range []struct {
		target, host string
		want         []Update
	}{
		{"foo.bar.com", "foo.bar.com", []Update{{Addr: "1.2.3.4:443"}, {Addr: "5.6.7.8:443"}}},
		{"foo.bar.com:1234", "foo.bar.com", []Update{{Addr: "1.2.3.4:1234"}, {Addr: "5.6.7.8:1234"}}},
		{"srv.ipv4.single.fake", "srv.ipv4.single.fake", []Update{lb(Add, "1.2.3.4:1234", "ipv4.single.fake.")}},
		{"srv.ipv4.multi.fake", "srv.ipv4.multi.fake", []Update{
			lb(Add, "1.2.3.4:1234", "ipv4.multi.fake."),
			lb(Add, "5.6.7.8:1234", "ipv4.multi.fake."),
			lb(Add, "9.10.11.12:1234", "ipv4.multi.fake."),
		}},
		{"srv.ipv6.single.fake", "srv.ipv6.single.fake", []Update{
			lb(Add, "[2607:f8b0:400a:801::1001]:1234", "ipv6.single.fake."),
		}},
		{"srv.ipv6.multi.fake", "srv.ipv6.multi.fake", []Update{
			lb(Add, "[2607:f8b0:400a:801::1001]:1234", "ipv6.multi.fake."),
			lb(Add, "[2607:f8b0:400a:801::1002]:1234", "ipv6.multi.fake."),
			lb(Add, "[2607:f8b0:400a:801::1003]:1234", "ipv6.multi.fake."),
		}},
	} {
		t.Run(c.target, func(t *testing.T) {
			s := startDNS(t, records...)
			w := watch(t, c.target)
			wantNext(t, w, c.want...)

			// Polls that find nothing new keep Next waiting.
			s.serve(zone{records: records})
			next := start(w)
			s.await("_grpclb._tcp."+c.host+". SRV", 4)
			select {
			case call := <-next:
				t.Fatalf("Next = %+v, %v although nothing has changed", values(call.updates), call.err)
			default:
			}

			// All names gone, and an SRV record instead that was not there.
			s.serve(zone{records: []string{
				"_grpclb._tcp." + c.host + ". 60 IN SRV 0 0 9 new.fake.",
				"new.fake. 60 IN A 7.7.7.7",
			}})
			var change []Update
			for _, u := range c.want {
				u.Op = Delete
				change = append(change, u)
			}
			wantUpdates(t, next, append(change, lb(Add, "7.7.7.7:9", "new.fake."))...)
			next = start(w)
			w.Close()
			wantClosed(t, next)
		})
	}
}
