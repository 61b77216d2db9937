package naming

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// defaultPort is the port of a target that names none, as in grpc-go v1.29.1.
const defaultPort = "443"

var errMissingAddr = errors.New("missing address: the target is empty, give a host or host:port")

// parseTarget splits target into host and port. An IPv6 host comes back
// without brackets, a missing host is localhost (as net.Dial has it) and a
// missing port is defaultPort.
func parseTarget(target string) (host, port string, err error) {
	if target == "" {
		return "", "", errMissingAddr
	}
	// First, because the colons of a bare IPv6 address separate no port.
	if isIP(target) {
		return target, defaultPort, nil
	}
	host, port, err = net.SplitHostPort(target)
	if err != nil {
		host, port, err = net.SplitHostPort(target + ":" + defaultPort)
	}
	if err != nil {
		return "", "", fmt.Errorf("invalid target address %v, want host, host:port or [IPv6]:port", target)
	}
	return cmp.Or(host, "localhost"), cmp.Or(port, defaultPort), nil
}

// isIP reports whether host is an IP literal. Unlike net.ParseIP, which
// grpc-go v1.29.1 asked, it knows IPv6 zones: those targets went to DNS and
// never got an address.
func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
