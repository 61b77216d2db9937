package consulnaming

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

// BenchmarkThin is what an answer of 5,000 instances costs, as it is and thinned. The
// rest of a query, transfer and decompression, is the same for both.
func BenchmarkThin(b *testing.B) {
	const entry = `{"Node":{"ID":"8a1b2c3d-0000-1111-2222-333344445555","Node":"node-17","Address":"10.0.0.17","Datacenter":"dc1","TaggedAddresses":{"lan":"10.0.0.17","lan_ipv4":"10.0.0.17","wan":"10.0.0.17","wan_ipv4":"10.0.0.17"},"Meta":{"consul-network-segment":"","consul-version":"1.22.3"},"CreateIndex":13,"ModifyIndex":16},"Service":{"ID":"web-1","Service":"web","Tags":["v1","production"],"Address":"10.0.0.17","TaggedAddresses":{"lan_ipv4":{"Address":"10.0.0.17","Port":8080}},"Meta":{"version":"1.2.3"},"Port":8080,"Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"PeerName":"","CreateIndex":17,"ModifyIndex":17},"Checks":[{"Node":"node-17","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing","Notes":"","Output":"Agent alive and reachable","ServiceID":"","ServiceName":"","ServiceTags":[],"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},"CreateIndex":13,"ModifyIndex":13},{"Node":"node-17","CheckID":"service:web-1","Name":"Service 'web' check","Status":"passing","Notes":"","Output":"HTTP GET http://10.0.0.17:8080/health: 200 OK Output: ok","ServiceID":"web-1","ServiceName":"web","ServiceTags":["v1"],"Type":"http","Interval":"10s","Timeout":"1s","ExposedPort":0,"Definition":{},"CreateIndex":17,"ModifyIndex":21}]}`
	answer := "[" + strings.Repeat(entry+",", 4_999) + entry + "]"
	for name, body := range map[string]func(io.ReadCloser) io.Reader{
		"whole":   func(r io.ReadCloser) io.Reader { return r },
		"thinned": func(r io.ReadCloser) io.Reader { return newThin(r, plainMembers) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(answer)))
			for b.Loop() {
				var entries []*api.ServiceEntry
				if err := json.NewDecoder(body(io.NopCloser(strings.NewReader(answer)))).Decode(&entries); err != nil || len(entries) != 5_000 {
					b.Fatal(len(entries), err)
				}
			}
		})
	}
}
