package adapter

import (
	"fmt"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

// made is a flood of batches that were made before.
type made struct {
	*flood
	batches [][]*naming.Update
}

func (m *made) Resolve(string) (naming.Watcher, error) { return m, nil }

func (m *made) Next() ([]*naming.Update, error) {
	if m.sent == m.n {
		return m.flood.Next()
	}
	m.sent++
	return m.batches[m.sent-1], nil
}

// BenchmarkFoldUnread is Adds that are folded one by one while nobody reads
// Notify, as under WithBalancer; testdata/bench has those that are read.
func BenchmarkFoldUnread(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		batches := make([][]*naming.Update, n)
		for i := range batches {
			batches[i] = add(fmt.Sprintf("10.%d.%d.%d:50051", i>>16, i>>8&255, i&255))
		}
		b.Run(fmt.Sprint("adds=", n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				m := &made{newFlood(n), batches}
				rr := RoundRobin(m)
				if err := rr.Start("svc", BalancerConfig{}); err != nil {
					b.Fatal(err)
				}
				<-m.done
				b.StopTimer()
				if err := rr.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkFoldFloor is what Go's own map and append cost when they grow to as
// many addresses: the obvious way, to compare the folding with.
func BenchmarkFoldFloor(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		addrs := make([]string, n)
		for i := range addrs {
			addrs[i] = fmt.Sprintf("10.%d.%d.%d:50051", i>>16, i>>8&255, i&255)
		}
		b.Run(fmt.Sprint("adds=", n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				var list []Address
				index := make(map[string]int32)
				for i, addr := range addrs {
					if _, known := index[addr]; !known {
						list = append(list, Address{Addr: addr})
						index[addr] = int32(i)
					}
				}
				if len(list) != n {
					b.Fatal(len(list))
				}
			}
		})
	}
}
