package consultest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// probe carries out a gRPC check until ctx ends.
func (c *catalog) probe(ctx context.Context, ck *check) {
	ticker := time.NewTicker(ck.interval)
	defer ticker.Stop()
	for {
		status, output := "passing", "gRPC check "+ck.target+": success"
		if err := probeOnce(ctx, ck.target, ck.timeout); err != nil {
			status, output = "critical", err.Error()
		}
		_ = c.change(func() error {
			if c.checks[ck.CheckID] == ck {
				c.setStatus(ck, status, output)
			}
			return nil
		})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// probeOnce asks the gRPC health service at target, "host:port" or
// "host:port/service", on a connection of its own, as Consul does: what is
// checked is also whether the backend still accepts connections.
func probeOnce(ctx context.Context, target string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address, service, _ := strings.Cut(target, "/")
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	response, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return err
	}
	if response.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("gRPC %s serving status: %s", target, response.Status)
	}
	return nil
}
