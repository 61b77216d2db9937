package bench

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/naming"
)

// open makes the clients, which live as long as the process.
func (spec clientSpec) open(p *probe) error {
	resolver := func() (naming.Resolver, error) { // one per Dial, as in legacy code
		switch spec.Impl {
		case "ours":
			return consulnaming.NewConsulResolver(spec.Consul, spec.Service), nil
		case "article":
			return article{spec.Consul, spec.Service}, nil
		}
		return nil, fmt.Errorf("no implementation %q of %s", spec.Impl, spec.Kind)
	}
	// Nobody gives up connecting while it is measured.
	opts := []grpc.DialOption{
		grpc.WithContextDialer(p.dial),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: time.Hour}),
	}
	var shared *queryBuilder
	for range spec.N {
		if spec.Kind == "conns" && spec.Impl == "native" {
			if shared == nil {
				shared = newQueryBuilder(spec.Consul, spec.Service)
			}
			if _, err := dialNative(shared, opts...); err != nil {
				return err
			}
			continue
		}
		r, err := resolver()
		if err != nil {
			return err
		}
		if spec.Kind == "conns" {
			if _, err := dialOurs(r, opts...); err != nil {
				return err
			}
			continue
		}
		go p.watch(r)
	}
	return nil
}

// watch is a client without a ClientConn. What panics is tried again, as the
// adapter does.
func (p *probe) watch(r naming.Resolver) {
	for delay := 200 * time.Millisecond; ; delay = min(2*delay, 30*time.Second) {
		p.watchOnce(r)
		time.Sleep(delay)
	}
}

func (p *probe) watchOnce(r naming.Resolver) {
	defer func() { _ = recover() }()
	w, err := r.Resolve("")
	if err != nil {
		return
	}
	defer w.Close()
	for {
		updates, err := w.Next()
		if err != nil {
			return
		}
		for _, u := range updates {
			if u.Op == naming.Add {
				p.add(u.Addr)
			} else {
				p.remove(u.Addr)
			}
		}
	}
}
