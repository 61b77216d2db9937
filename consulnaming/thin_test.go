package consulnaming

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// The connection to the agent is used again, as an answer is read to its end: also what
// is behind the list.
func TestConnectionIsUsedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		agentURL, err := url.Parse("http://" + a.Address())
		if err != nil {
			t.Fatal(err)
		}
		relay := httputil.NewSingleHostReverseProxy(agentURL)
		relay.ErrorLog = log.New(io.Discard, "", 0) // the last query is given up
		proxy := httptest.NewUnstartedServer(relay)
		var opened atomic.Int32
		proxy.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
		proxy.Start()
		defer proxy.Close()
		s := serviceName(t)
		for i := range 100 { // more than is read at once
			register(t, a, s, fmt.Sprint(i), "10.0.1.1", 1000)
		}
		w := watching(t, NewConsulResolver(proxy.URL, s))
		expect(t, w, "+10.0.1.1:1000")
		for i := range 5 {
			address := fmt.Sprintf("10.0.2.%d", i+1)
			register(t, a, s, address, address, 80)
			expect(t, w, "+"+address+":80")
		}
		w.Close()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d connections for one query after the other, want one", n)
		}
	})
}
