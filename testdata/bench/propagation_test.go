package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

const (
	// propagationPace is how long RPCs run before each event. Implementations take
	// turns, so that each has fewer than the ten a second that our watch asks for.
	propagationPace = 80 * time.Millisecond

	propagationCallers = 2
)

// BenchmarkPropagation is a backend that registers at its agent and deregisters,
// b.N times for each implementation, in turn, while RPCs are made: the time from
// the call of ServiceRegister until the end of the first RPC that it answers, and
// from the call of ServiceDeregister until the end of the last one.
func BenchmarkPropagation(b *testing.B) {
	consul := os.Getenv(consulEnv)
	if consul == "" {
		b.Fatalf("%s is not set: this benchmark is run by go run ./run", consulEnv)
	}
	agent, err := api.NewClient(&api.Config{Address: consul})
	if err != nil {
		b.Fatal(err)
	}
	// Two, so that every other RPC is on the one that comes and goes: the more of
	// them, the coarser the time of its last.
	addrs := measure.Backends(b, 2)
	p := &propagation{}
	for _, impl := range append([]string{"ours", "native"}, otherImpls()...) {
		s := &subject{impl: impl, service: "bench-propagation-" + impl, agent: agent, joining: addrs[1]}
		if err := s.register(addrs[0]); err != nil {
			b.Fatal(err)
		}
		var conn *grpc.ClientConn
		switch impl {
		case "ours":
			conn, err = dialOurs(consulnaming.NewConsulResolver(consul, s.service))
		case "native":
			conn, err = dialNative(newQueryBuilder(consul, s.service))
		default:
			conn, err = dialOther(impl, consul, s.service)
		}
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		s.load = &load{channel: channel(impl, conn)}
		measure.UntilAllAnswer(b, 1, s.load.channel.Call)
		p.subjects = append(p.subjects, s)
	}
	b.Run("events", p.run)
	for _, s := range p.subjects { // of the last run: package testing makes a short one first
		for event, times := range map[string][]time.Duration{"register": s.registered, "deregister": s.gone} {
			for _, t := range times {
				name := fmt.Sprintf("BenchmarkPropagation/event=%s/impl=%s", event, s.impl)
				if err := measure.Sample(name, 1, measure.Value{Figure: float64(t), Unit: "ns/op"}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

// subject is one implementation with a service of its own.
type subject struct {
	impl, service, joining string
	agent                  *api.Client
	load                   *load
	registered, gone       []time.Duration
}

type propagation struct{ subjects []*subject }

func (p *propagation) run(b *testing.B) {
	for _, s := range p.subjects {
		s.registered, s.gone = nil, nil
	}
	for range b.N {
		for _, event := range []func(*subject) error{(*subject).join, (*subject).leave} {
			for _, s := range p.subjects {
				if err := event(s); err != nil {
					b.Fatalf("%s: %v", s.impl, err)
				}
			}
		}
		slices.Reverse(p.subjects) // nobody is always first
	}
}

func (s *subject) register(addr string) error {
	var port int
	if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
		return err
	}
	return s.agent.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: s.service + "-" + addr, Name: s.service, Address: "127.0.0.1", Port: port,
	})
}

func (s *subject) join() error {
	stop := s.load.start(propagationCallers)
	defer stop()
	time.Sleep(propagationPace)
	began := time.Now()
	first := s.load.first(s.joining)
	if err := s.register(s.joining); err != nil {
		return err
	}
	ended, err := first()
	s.registered = append(s.registered, ended.Sub(began))
	return err
}

func (s *subject) leave() error {
	stop := s.load.start(propagationCallers)
	defer stop()
	steady := s.load.first(s.joining)
	time.Sleep(propagationPace)
	if _, err := steady(); err != nil { // it takes part, or its leaving shows nothing
		return err
	}
	began := time.Now()
	last := s.load.last(s.joining)
	if err := s.agent.Agent().ServiceDeregister(s.service + "-" + s.joining); err != nil {
		return err
	}
	ended, err := last()
	s.gone = append(s.gone, ended.Sub(began))
	return err
}
