package naming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// answers is what DNS last said about a target.
type answers struct {
	addrs addrSet
	// targets holds the IP addresses of each SRV target behind addrs. It is nil
	// when addrs came from the host's own A and AAAA records.
	targets map[string][]string
}

// lookup asks DNS about host and returns the addresses from now on. Where an answer is
// missing, they are those in last. The error joins the reasons of all failed look-ups,
// also when others succeeded. That SRV records do not exist is an answer, not a
// failure.
func lookup(ctx context.Context, host, port string, last answers) (answers, error) {
	lbs, srvErr := lookupSRV(ctx, host, last.targets)
	if len(lbs.addrs) > 0 {
		return lbs, srvErr
	}
	if srvErr != nil && last.targets != nil {
		// The host's own addresses would be no substitute: clients that were
		// sent through a load balancer would go past it.
		return last, srvErr
	}
	ips, err := lookupHost(ctx, host)
	if err != nil {
		return last, join(srvErr, err)
	}
	addrs := addrSet{}
	for _, ip := range ips {
		addrs[net.JoinHostPort(ip, port)] = ""
	}
	return answers{addrs: addrs}, srvErr
}

// lookupSRV asks for the grpclb load balancers of host. A target whose own
// look-up fails keeps the addresses that it has in last. No addresses and no
// error means that host has no load balancers.
func lookupSRV(ctx context.Context, host string, last map[string][]string) (answers, error) {
	resolver := net.DefaultResolver
	srvs, err := ask(ctx, func() ([]*net.SRV, error) {
		_, srvs, err := resolver.LookupSRV(ctx, "grpclb", "tcp", host)
		return srvs, err
	})
	if dnsErr := (*net.DNSError)(nil); errors.As(err, &dnsErr) && dnsErr.IsNotFound {
		return answers{}, nil
	}
	if err != nil {
		return answers{}, fmt.Errorf("SRV records: %w", err)
	}
	// LookupSRV shuffles by weight. Where two targets share an address, the same
	// one must give it its name every time.
	slices.SortFunc(srvs, func(a, b *net.SRV) int { return cmp.Compare(a.Target, b.Target) })

	found := answers{addrs: addrSet{}, targets: map[string][]string{}}
	var failed error
	for _, srv := range srvs {
		ips, asked := found.targets[srv.Target]
		if !asked {
			if ips, err = lookupHost(ctx, srv.Target); err != nil {
				failed = join(failed, fmt.Errorf("load balancer %s: %w", srv.Target, err))
				ips = last[srv.Target]
			}
			found.targets[srv.Target] = ips
		}
		for _, ip := range ips {
			addr := net.JoinHostPort(ip, strconv.Itoa(int(srv.Port)))
			found.addrs[addr] = cmp.Or(found.addrs[addr], srv.Target)
		}
	}
	return found, failed
}

func lookupHost(ctx context.Context, host string) ([]string, error) {
	resolver := net.DefaultResolver
	return ask(ctx, func() ([]string, error) { return resolver.LookupHost(ctx, host) })
}

// ask runs query and returns its result, or ctx's error once ctx is done. The
// goroutine is needed because package net, given a context that ends, still
// waits for the DNS server to answer or time out; query must not touch anything
// that its caller goes on to use.
func ask[T any](ctx context.Context, query func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := query()
		done <- result{value, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case r := <-done:
		return r.value, r.err
	}
}

// join is errors.Join on one line, because the text ends up in RPC errors.
func join(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w; %w", a, b)
}
