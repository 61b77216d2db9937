package faults

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// toxic is a fault of toxiproxy's, on the way from the agent.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Toxicity   float64        `json:"toxicity"`
	Attributes map[string]int `json:"attributes"`
}

// newNetwork is a network to the agent until the test ends.
func newNetwork(t *testing.T, agent string) *toxiproxy.Proxy {
	t.Helper()
	var p *toxiproxy.Proxy
	var err error
	unlabelled(func() {
		server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
		p = toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", agent)
		err = p.Start()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// A network that is slow, silent or breaks takes nothing away.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		breaks bool // connections, so that queries fail; otherwise nothing is heard
		toxic  toxic
	}{
		{"cut in mid-body", true, toxic{Type: "limit_data", Attributes: map[string]int{"bytes": 900}}},
		{"each byte after 100 ms", false, toxic{Type: "slicer", Attributes: map[string]int{"average_size": 1, "delay": 100_000}}},
		{"silence", false, toxic{Type: "timeout", Attributes: map[string]int{"timeout": 0}}},
		{"connections reset", true, toxic{Type: "reset_peer", Attributes: map[string]int{"timeout": 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			agent := realAgent(t)
			network := newNetwork(t, agent.Address())
			tr := newTrial(t, "network: "+c.name)
			tr.at(inCatalog{agent.Client(), tr.service})
			tr.serve(3)
			tr.dial(source{agent: network.Listen})
			tr.begin()
			c.toxic.Stream, c.toxic.Toxicity = "downstream", 1
			text, err := json.Marshal(c.toxic)
			tr.must(err)
			unlabelled(func() { _, err = network.Toxics.AddToxicJson(strings.NewReader(string(text))) })
			tr.must(err)
			tr.join() // there is something to be told
			if c.breaks {
				tr.met(testwait.Patience)
			}
			time.Sleep(span(2*time.Second, 90*time.Second))
			if !c.breaks {
				tr.unaware()
			}
			tr.over(func() { unlabelled(func() { network.Toxics.ResetToxics(context.Background()) }) })
		})
	}
	t.Run("reset in mid-body", func(t *testing.T) {
		t.Parallel()
		agent := realAgent(t)
		door := newDoor(t, agent.Address())
		tr := newTrial(t, "network: reset in mid-body")
		tr.at(inCatalog{agent.Client(), tr.service})
		tr.serve(3)
		tr.dial(source{agent: door.address()})
		tr.begin()
		door.set(unblocked(resetInBody))
		tr.met(testwait.Patience)
		tr.over(func() { door.set(nil) })
	})
}

// unaware checks that no client has heard of the joiner.
func (tr *trial) unaware() {
	tr.t.Helper()
	for k := range kind(kinds) {
		for _, o := range observersOf(k, tr.clients) {
			if set, _ := o.now(); slices.Contains(set.list(), tr.joiner.Addr()) {
				tr.t.Errorf("%v: the fault was not met: gRPC has %v", k, set)
			}
		}
	}
}

// resetInBody breaks the connection when half of the body has been sent.
func resetInBody(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	body := answer.Body.Bytes()
	header := answer.Result().Header
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(buffer)
	_, _ = buffer.WriteString("\r\n")
	_, _ = buffer.Write(body[:len(body)/2])
	_ = buffer.Flush()
	_ = conn.(*net.TCPConn).SetLinger(0)
}
