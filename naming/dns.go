package naming

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/grpclog"
)

const (
	defaultFreq = 30 * time.Minute
	firstRetry  = time.Second
)

var logger = grpclog.Component("naming")

// NewDNSResolver is [NewDNSResolverWithFreq] with a look-up every 30 minutes.
//
// Deprecated: grpc.NewClient resolves targets of scheme dns by itself, with
// google.golang.org/grpc/resolver/dns.
func NewDNSResolver() (Resolver, error) {
	return NewDNSResolverWithFreq(defaultFreq)
}

// NewDNSResolverWithFreq returns a [Resolver] whose watchers ask DNS every
// freq, or every 30 minutes when freq is not positive. The error is always nil.
// As in grpc-go v1.29.1:
//
//   - A target is a host, host:port or an IP address, IPv6 in brackets when a
//     port follows. The default port is 443, the default host localhost. Resolve
//     asks nobody; it returns an error for an empty target and for one whose
//     brackets or colons do not make a host and a port.
//   - An IP address is its own and only update.
//   - SRV records of _grpclb._tcp.<host> go before A and AAAA records. They give
//     the addresses of load balancers, marked with an [AddrMetadataGRPCLB].
//
// What v1.29.1 did not do:
//
//   - A look-up that fails takes no address away: the last ones of the host, or
//     of the SRV target that failed, stay. They stay also if the host does not exist
//     any more. The look-up is repeated after 1 s, 2 s, 4 s and so on up to freq.
//   - Next returns deletes before adds, each ordered by Addr, and an address
//     whose load balancer has another name now as both.
//   - IPv6 addresses may have a zone.
//   - Close may be called more than once, and breaks off a Next that waits for
//     DNS. Next fails after Close, and only then.
//   - Watchers have a method OnError(func(error)), to be called before the first
//     Next. Next calls its argument for each failed look-up that leaves no
//     address known, with an error that names the host and wraps those of
//     package net.
//
// Look-ups use the net.DefaultResolver of that moment, and begin only while Next
// runs. A look-up of package net cannot be broken off: one goroutine may outlive Close
// until the DNS server answers or package net's timeout passes.
//
// The Resolver may be used by several goroutines at once.
//
// Deprecated: grpc.NewClient resolves targets of scheme dns by itself, with
// google.golang.org/grpc/resolver/dns, whose SetMinResolutionInterval stands
// in for freq.
func NewDNSResolverWithFreq(freq time.Duration) (Resolver, error) {
	if freq <= 0 {
		freq = defaultFreq
	}
	return dnsResolver{freq}, nil
}

type dnsResolver struct{ freq time.Duration }

func (r dnsResolver) Resolve(target string) (Watcher, error) {
	host, port, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	if isIP(host) {
		return newIPWatcher(target, host, port), nil
	}
	w := &dnsWatcher{target: target, host: host, port: port, freq: r.freq, retry: firstRetry}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.due = time.NewTimer(0)
	return w, nil
}

// dnsWatcher has no goroutine of its own: the caller of Next does the look-ups.
// Close uses ctx only; all other fields belong to Next.
type dnsWatcher struct {
	target, host, port string
	freq               time.Duration
	ctx                context.Context
	cancel             context.CancelFunc
	onError            func(error)

	due   *time.Timer   // for the next look-up
	retry time.Duration // the wait after the next failure
	last  answers
}

// OnError makes Next call f with the reason of each failed look-up that leaves
// no address known. It must be called before the first Next.
func (w *dnsWatcher) OnError(f func(error)) { w.onError = f }

// Next returns what has changed; the first time everything, as soon as there is
// something. It only ever fails after Close.
func (w *dnsWatcher) Next() ([]*Update, error) {
	for {
		select {
		case <-w.ctx.Done():
		case <-w.due.C:
		}
		if w.ctx.Err() != nil {
			return nil, errClosed(w.target)
		}
		now, err := lookup(w.ctx, w.host, w.port, w.last)
		if w.ctx.Err() != nil {
			return nil, errClosed(w.target)
		}
		updates := diff(w.last.addrs, now.addrs)
		w.last = now
		wait := w.schedule(err != nil)
		if err != nil {
			w.report(err, wait)
		}
		if len(updates) > 0 {
			return updates, nil
		}
	}
}

// schedule sets and returns the time until the next look-up.
func (w *dnsWatcher) schedule(failed bool) time.Duration {
	wait := w.freq
	if failed {
		wait = min(w.retry, w.freq)
		w.retry = min(2*w.retry, w.freq)
	} else {
		w.retry = firstRetry
	}
	w.due.Reset(wait)
	return wait
}

func (w *dnsWatcher) report(err error, wait time.Duration) {
	if n := len(w.last.addrs); n > 0 {
		logger.Warningf("look-up of %q failed, going on with the addresses known (%d), next look-up in %v: %v", w.host, n, wait, err)
		return
	}
	err = fmt.Errorf("no address of %q is known, check its DNS records, next look-up in %v: %w", w.host, wait, err)
	logger.Warning(err)
	if w.onError != nil {
		w.onError(err)
	}
}

// Close makes every Next return an error, also one that waits for DNS. It may
// be called more than once.
func (w *dnsWatcher) Close() { w.cancel() }

func errClosed(target string) error {
	return fmt.Errorf("watcher has been closed, Resolve %q again for another", target)
}
