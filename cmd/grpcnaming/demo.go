package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const (
	showTime   = 2 * time.Second  // each act is shown for so long
	actTime    = 10 * time.Second // and has so long to come true
	callPause  = 2 * time.Millisecond
	tablePause = 500 * time.Millisecond
)

// demo is a play in three acts: three backends share the calls, one dies, one
// joins. Each act waits until what it announces has come true, and the demo
// fails if it does not.
func demo(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error {
	address := flags.String("consul", "", consulFlag+"; without either one is started")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newScreen(stdout)
	out.printf("grpcnaming demo: code written for grpc-go v1.29, on grpc-go v%s", grpc.Version)
	began := time.Now()
	consul, err := findConsul(ctx, *address)
	if err != nil {
		return err
	}
	defer consul.stop()
	out.printf("Consul: %s (ready after %.1f s)", consul.what, time.Since(began).Seconds())

	play, err := newPlay(consul.address, out)
	if err != nil {
		return err
	}
	defer play.end()
	return play.run(ctx)
}

// play is the demo on a given Consul.
type play struct {
	out     *screen
	consul  string
	client  *api.Client
	service string
	cast    []*actor
	tally   *tally
}

// actor is a backend with a name.
type actor struct {
	name string
	*backend.Backend
}

func newPlay(consul string, out *screen) (*play, error) {
	config := api.DefaultConfig()
	config.Address = consul
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	return &play{
		out:     out,
		consul:  consul,
		client:  client,
		service: fmt.Sprintf("grpcnaming-demo-%d", os.Getpid()),
		tally:   newTally(),
	}, nil
}

// enter starts a backend and registers it, with the gRPC health check that
// Consul makes itself.
func (p *play) enter(name string) (*actor, error) {
	b, err := backend.Start()
	if err != nil {
		return nil, err
	}
	a := &actor{name, b}
	p.cast = append(p.cast, a)
	p.tally.name(a.Addr(), name)
	p.out.printf("backend %s serves at %s; registered with a gRPC health check every second", name, a.Addr())
	err = p.client.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID:      p.id(a),
		Name:    p.service,
		Address: "127.0.0.1",
		Port:    a.Port(),
		Check:   &api.AgentServiceCheck{GRPC: a.Addr(), Interval: "1s", Timeout: "1s"},
	})
	if err != nil {
		return nil, fmt.Errorf("registering backend %s with Consul at %s: %w", name, p.consul, err)
	}
	return a, nil
}

func (p *play) id(a *actor) string { return p.service + "-" + a.name }

// end leaves nothing behind, in Consul neither.
func (p *play) end() {
	for _, a := range p.cast {
		if err := p.client.Agent().ServiceDeregister(p.id(a)); err != nil {
			p.out.printf("deregistering backend %s: %v", a.name, err)
		}
		a.Stop()
	}
}

func (p *play) run(ctx context.Context) error {
	for _, name := range []string{"A", "B", "C"} {
		if _, err := p.enter(name); err != nil {
			return err
		}
	}

	// The client, in the article's spelling. Only the imports have changed.
	resolver := consulnaming.NewConsulResolver(p.consul, p.service)
	conn, err := grpc.Dial("", grpc.WithInsecure(),
		adapter.WithBalancer(adapter.RoundRobin(showing{resolver, p})))
	if err != nil {
		return err
	}
	defer conn.Close()

	p.out.printf("-- the client has dialled and waits for Consul's first health checks")
	if err := p.await(ctx, "all backends are healthy", func() bool { return p.tally.knows(3) }); err != nil {
		return err
	}
	calling, stopCalling := context.WithCancel(ctx)
	called := make(chan struct{})
	go func() {
		defer close(called)
		p.call(calling, conn)
	}()
	defer func() {
		stopCalling()
		<-called
	}()

	if err := p.act(ctx, "three backends share the calls", "A", "B", "C"); err != nil {
		return err
	}
	p.out.printf("-- backend B is killed")
	p.cast[1].Stop()
	if err := p.act(ctx, "its share has moved to the others", "A", "C"); err != nil {
		return err
	}
	p.out.printf("-- backend D joins")
	if _, err := p.enter("D"); err != nil {
		return err
	}
	if err := p.act(ctx, "it has its share", "A", "C", "D"); err != nil {
		return err
	}
	p.out.leave()
	calls, failed := p.tally.totals()
	p.out.printf("Shown: 3 backends shared the calls, B died and its share moved, D joined and got its share.")
	p.out.printf("%d calls, %d failed. The client is old code; only its imports have changed.", calls, failed)
	return nil
}

// call makes calls until ctx ends.
func (p *play) call(ctx context.Context, conn *grpc.ClientConn) {
	pause := time.NewTicker(callPause)
	defer pause.Stop()
	table := time.NewTicker(tablePause)
	defer table.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-table.C:
			p.out.show(p.tally.table(tablePause))
		case <-pause.C:
			addr, err := backend.Call(ctx, conn)
			if ctx.Err() == nil {
				p.tally.count(addr, err)
			}
		}
	}
}

// await polls until ok.
func (p *play) await(ctx context.Context, what string, ok func() bool) error {
	deadline := time.Now().Add(actTime)
	for !ok() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain until %s; can Consul at %s reach this machine's 127.0.0.1?", actTime, what, p.consul)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// act waits until exactly the named backends are known to the resolver and get
// even shares of the calls, and shows that for a while.
func (p *play) act(ctx context.Context, what string, names ...string) error {
	if err := p.await(ctx, what, func() bool { return p.tally.shared(names) }); err != nil {
		return err
	}
	if err := pause(ctx, showTime); err != nil {
		return err
	}
	p.out.printf("=> %s: %s", what, p.tally.shares())
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
