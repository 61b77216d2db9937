package main

import (
	"context"
	"os"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

// demoConsul is the Consul that the demo works with.
type demoConsul struct {
	address string
	what    string // for the user
	stop    func()
}

// findConsul takes the Consul at address, or the one that the environment names;
// else it starts one: the real one if there is a binary, or the stand-in.
func findConsul(ctx context.Context, address string) (demoConsul, error) {
	if address == "" {
		address = os.Getenv(api.HTTPAddrEnvName)
	}
	if address != "" {
		return demoConsul{address, "the Consul agent at " + address, func() {}}, nil
	}
	path, err := consulagent.Find()
	if err != nil {
		s := consultest.NewServer()
		what := "a stand-in inside this process (consulnaming/consultest), as there is no consul binary; `make consul` builds the real one"
		return demoConsul{s.Address(), what, s.Close}, nil
	}
	a, err := consulagent.Start(ctx, consulagent.Config{Path: path})
	if err != nil {
		return demoConsul{}, err
	}
	return demoConsul{a.Address(), "a real agent, started for this demo: " + path, func() { _ = a.Stop() }}, nil
}
