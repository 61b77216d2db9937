package consultest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// A service is registered, found, and found no longer when its health fails.
func Example() {
	agent := consultest.NewServer()
	defer agent.Close()

	err := agent.Register(api.AgentServiceRegistration{Name: "web", Address: "10.0.0.1", Port: 8080})
	if err != nil {
		log.Fatal(err)
	}

	// What follows may as well happen in another process, with an api.Client
	// for agent.Address().
	client := agent.Client()
	entries, meta, err := client.Health().Service("web", "", true, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Printf("%s:%d\n", e.Service.Address, e.Service.Port)
	}

	if err := agent.SetHealth("web", api.HealthCritical); err != nil {
		log.Fatal(err)
	}
	entries, _, err = client.Health().Service("web", "", true, &api.QueryOptions{WaitIndex: meta.LastIndex})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(entries), "left")
	// Output:
	// 10.0.0.1:8080
	// 0 left
}

// A query is blocked when the agent fails, and meets the failure.
func ExampleServer_Inject() {
	agent := consultest.NewServer()
	defer agent.Close()

	failed := make(chan error)
	go func() { // the code under test
		_, _, err := agent.Client().Health().Service("web", "", true, &api.QueryOptions{WaitIndex: 1})
		failed <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := agent.Await(ctx, func(s consultest.Stats) bool { return s.Blocked == 1 }); err != nil {
		log.Fatal(err)
	}

	remove := agent.Inject(consultest.Status(500, "No cluster leader"))
	fmt.Println("in flight: failed:", <-failed != nil)
	_, _, err := agent.Client().Health().Service("web", "", true, nil)
	fmt.Println(err)

	remove()
	_, _, err = agent.Client().Health().Service("web", "", true, nil)
	fmt.Println("afterwards:", err)
	// Output:
	// in flight: failed: true
	// Unexpected response code: 500 (No cluster leader)
	// afterwards: <nil>
}
