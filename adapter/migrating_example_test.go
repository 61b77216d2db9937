package adapter_test

// The examples that docs/names.md refers to: what takes the place of names that
// are gone from grpc and have no home in this module.

import (
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/balancer/grpclb" // registers "grpclb"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/grpcnaming/grpcnaming/adapter"
)

func newClient(target string, opts ...grpc.DialOption) *grpc.ClientConn {
	conn, err := grpc.NewClient(target, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		log.Fatal(err)
	}
	return conn
}

// Was: var s grpc.ConnectivityState = grpc.Idle; and so on for Connecting, Ready,
// TransientFailure and Shutdown.
func Example_connectivityState() {
	conn := newClient("127.0.0.1:1")
	defer conn.Close()
	var s connectivity.State = conn.GetState()
	fmt.Println(s == connectivity.Idle, connectivity.Connecting, connectivity.Ready, connectivity.TransientFailure, connectivity.Shutdown)
	// Output: true CONNECTING READY TRANSIENT_FAILURE SHUTDOWN
}

// Was: ch <- grpc.ServiceConfig{LB: ..., Methods: ...}; grpc.WithServiceConfig(ch).
// A config that changes comes from a resolver, in resolver.State.
func Example_serviceConfig() {
	conn := newClient("127.0.0.1:1", grpc.WithDefaultServiceConfig(`{
		"loadBalancingConfig": [{"round_robin": {}}],
		"methodConfig": [{"name": [{"service": "pkg.Service", "method": "Method"}], "timeout": "1s"}]
	}`))
	defer conn.Close()
	fmt.Println(conn.Target())
	// Output: 127.0.0.1:1
}

// Was: a ServiceConfig{LB: b} or WithServiceConfig beside a Balancer of one's own.
func Example_serviceConfigWithBalancer() {
	opts := adapter.WithBalancerAndServiceConfig(adapter.RoundRobin(nil), `{"methodConfig": [{"name": [{}], "timeout": "1s"}]}`)
	conn := newClient("127.0.0.1:1", opts...)
	defer conn.Close()
	fmt.Println(len(opts))
	// Output: 2
}

// Was: grpc.WithBalancer(grpc.NewGRPCLBBalancer(r)), or a balancer built by
// grpc.NewLBBuilderWithFallbackTimeout. The policy has a name now; its time-out
// for the fallback is a constant.
func Example_grpclb() {
	conn := newClient("dns:///lb.example.com", adapter.WithBalancerName("grpclb"))
	defer conn.Close()
	fmt.Println(balancer.Get("grpclb") != nil)
	// Output: true
}

// Was: grpc.WithBalancerBuilder(builder).
func Example_withBalancerBuilder() {
	builder := balancer.Get("pick_first") // any balancer.Builder
	balancer.Register(builder)            // at init time
	conn := newClient("127.0.0.1:1", adapter.WithBalancerName(builder.Name()))
	defer conn.Close()
	fmt.Println(builder.Name())
	// Output: pick_first
}

// Was: grpc.WithWaitForHandshake(). That had become the default before the option
// went: leave it out.
func Example_withWaitForHandshake() {
	conn := newClient("127.0.0.1:1")
	defer conn.Close()
	// Output:
}

// Was: grpc.WithChannelzParentID(opts.ChannelzParentID), an int64, in an LB policy that
// dials with its balancer.BuildOptions.
func Example_withChannelzParentID() {
	var opts balancer.BuildOptions
	conn := newClient("127.0.0.1:1", grpc.WithChannelzParentID(opts.ChannelzParent))
	defer conn.Close()
	fmt.Println(conn.Target())
	// Output: 127.0.0.1:1
}
