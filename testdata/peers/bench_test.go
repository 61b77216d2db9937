package peers

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// readBench makes tables of what testdata/bench has measured: go run ./run -peers.
func readBench(path string) ([]*table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	conns := func(n int) *table {
		return newTable(fmt.Sprintf("ClientConns in one process: %d", n),
			"To one service of 1,000 instances at a real Consul with its default limit of 200 connections; changes of one instance.\n"+
				"\"without addresses\" counts ClientConns that never got any; those are not part of what follows. \"without the change\" counts\nthose that have not learnt of it within 30 s, when it is given up. Memory is heap and stacks.\n"+
				"A client with a query of its own for each ClientConn needs as many connections as there are ClientConns.",
			column{name: "connections", format: whole}, column{name: "429s", format: whole}, column{name: "without addresses", format: whole}, column{name: "queries per change", format: whole},
			column{name: "without the change", format: whole, why: "Who never had an address does not count."},
			column{name: "CPU per change", format: seconds}, column{name: "allocated per change", format: megabytes}, column{name: "until all know", format: seconds}, column{name: "memory each", format: megabytes, why: "A ClientConn without addresses needs less."})
	}
	one, many := conns(1), conns(300)
	propagation := newTable("From Consul to RPCs",
		"From the call of ServiceRegister to the end of the first RPC on the new backend, and from the call of ServiceDeregister to the\nend of the last on the old one.",
		column{name: "register", format: seconds}, column{name: "deregister", format: seconds})
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(f[0], "-") // GOMAXPROCS
		values := make(map[string]float64)
		for i := 2; i+1 < len(f); i += 2 {
			if values[f[i+1]], err = strconv.ParseFloat(f[i], 64); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", path, line, err)
			}
		}
		for i, client := range Clients {
			impl := client.Name
			if i == 0 {
				impl = "ours"
			}
			for n, t := range map[int]*table{1: one, 300: many} {
				if name != fmt.Sprintf("BenchmarkConns/impl=%s/instances=1000/n=%d/changes", impl, n) {
					continue
				}
				for column, unit := range map[string]string{"connections": "open-conns", "429s": "429s", "without addresses": "without", "queries per change": "queries/op", "without the change": "missed/op"} {
					t.number(client.Name, column, values[unit])
				}
				t.number(client.Name, "CPU per change", values["cpu-ns/op"]/1e9)
				t.number(client.Name, "until all know", values["ns/op"]/1e9)
				t.number(client.Name, "allocated per change", values["alloc-B/op"]/1e6)
				t.number(client.Name, "memory each", values["B/client"]/1e6)
			}
			for _, event := range []string{"register", "deregister"} {
				if name == "BenchmarkPropagation/event="+event+"/impl="+impl {
					propagation.number(client.Name, event, values["ns/op"]/1e9)
				}
			}
		}
	}
	return []*table{one, many, propagation}, nil
}

func megabytes(mb float64) string {
	if mb < 100 {
		return fmt.Sprintf("%.1f MB", mb)
	}
	return fmt.Sprintf("%.0f MB", mb)
}
