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
	resolver := func() naming.Resolver { // one per Dial, as in legacy code
		switch spec.Impl {
		case "ours":
			return consulnaming.NewConsulResolver(spec.Consul, spec.Service)
		case "article":
			return article{spec.Consul, spec.Service}
		}
		return nil
	}
	// Nobody gives up connecting while it is measured.
	opts := []grpc.DialOption{
		grpc.WithContextDialer(p.dial),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: time.Hour}),
	}
	var shared *queryBuilder
	for range spec.N {
		r := resolver()
		var err error
		switch {
		case spec.Kind == "watchers" && r == nil:
			err = fmt.Errorf("no implementation %q of %s", spec.Impl, spec.Kind)
		case spec.Kind == "watchers":
			go p.watch(r)
		case r != nil:
			_, err = dialOurs(r, opts...)
		case spec.Impl == "native":
			if shared == nil {
				shared = newQueryBuilder(spec.Consul, spec.Service)
			}
			_, err = dialNative(shared, opts...)
		default:
			_, err = dialOther(spec.Impl, spec.Consul, spec.Service, opts...)
		}
		if err != nil {
			return err
		}
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
