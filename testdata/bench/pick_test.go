package bench

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkPick is what grpc does for each RPC to find its connection: the pick of
// the policy that WithBalancer installs, and that of round_robin. The ClientConn,
// its resolver and the policy are the real ones; the connections are not (see
// policyOnFakes), as 10,000 of them would measure the machine.
func BenchmarkPick(b *testing.B) {
	b.Run("impl=ours", func(b *testing.B) {
		picks(b, "grpcnaming_v1_balancer", func(addrs []string) (*grpc.ClientConn, error) { return dialOurs(list(addrs)) })
	})
	b.Run("impl=native", func(b *testing.B) {
		picks(b, "round_robin", func(addrs []string) (*grpc.ClientConn, error) { return dialNative(nativeList(addrs)) })
	})
}

func picks(b *testing.B, policy string, dial func(addrs []string) (*grpc.ClientConn, error)) {
	for _, n := range measure.ReadyCounts {
		b.Run(fmt.Sprintf("ready=%d", n), func(b *testing.B) {
			var addrs []string
			for _, u := range measure.Batches(n, "one", add)[0] {
				addrs = append(addrs, u.Addr)
			}
			fakes := putOnFakes(policy)
			defer fakes.restore()
			conn, err := dial(addrs)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			picker := fakes.await(b, n)
			info := balancer.PickInfo{FullMethodName: "/bench/Pick", Ctx: context.Background()}
			// Another level, so that what is above runs once.
			b.Run("picks", func(b *testing.B) {
				measure.Picks(b, func() error {
					_, err := picker.Pick(info)
					return err
				})
			})
		})
	}
}
