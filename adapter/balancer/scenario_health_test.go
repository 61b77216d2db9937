package balancer_test

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/adapter/balancer/base"
)

// Config.HealthCheck makes a SubConn ready when its server says that it serves.
func TestScenarioHealthCheck(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(base.NewBalancerBuilderWithConfig(n, rrBuilder{s}, base.Config{HealthCheck: true}))
	c := s.dialConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}],"healthCheckConfig":{"serviceName":"checked"}}`, n))
	s.servers["A"].health.SetServingStatus("checked", healthpb.HealthCheckResponse_SERVING)
	s.servers["B"].health.SetServingStatus("checked", healthpb.HealthCheckResponse_NOT_SERVING)
	c.resolve("A", "B")
	c.answeredBy("A")
	s.servers["B"].health.SetServingStatus("checked", healthpb.HealthCheckResponse_SERVING)
	c.answeredBy("A", "B")
	s.servers["A"].health.SetServingStatus("checked", healthpb.HealthCheckResponse_NOT_SERVING)
	c.answeredBy("B")
	s.servers["B"].health.SetServingStatus("checked", healthpb.HealthCheckResponse_NOT_SERVING)
	s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
	_, err := c.call()
	s.say("nobody is healthy: %v", status.Code(err))
}
