package register_test

import (
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	_ "github.com/grpcnaming/grpcnaming/consulnaming/register"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// The import is enough for either way to dial.
func TestRegistered(t *testing.T) {
	s := consultest.NewServer()
	defer s.Close()
	b, err := backend.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	err = s.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "svc", Address: "127.0.0.1", Port: b.Port()})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSUL_HTTP_ADDR", s.Address())
	for target, dial := range map[string]func(string, ...grpc.DialOption) (*grpc.ClientConn, error){
		"consul:///svc":                    grpc.NewClient,
		"consul://" + s.Address() + "/svc": grpc.Dial,
	} {
		conn, err := dial(target, grpc.WithInsecure())
		if err != nil {
			t.Fatal(err)
		}
		if addr, err := backend.Call(testwait.Context(t), conn); addr != b.Addr() {
			t.Errorf("%s: %q answers (%v), want %q", target, addr, err, b.Addr())
		}
		conn.Close()
	}
}
