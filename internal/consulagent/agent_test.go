package consulagent

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestStartGivesAUsableAgentAndStopLeavesNothing(t *testing.T) {
	privateTemp(t)
	var output bytes.Buffer
	a := startReal(t, Config{Output: &output})

	// No retry: Start promises that the first query and the first
	// registration succeed.
	checks, _, err := a.Client().Health().State("passing", nil)
	if err != nil || len(checks) != 1 || checks[0].CheckID != "serfHealth" {
		t.Fatalf("passing checks = %v, %v; want the node's own", checks, err)
	}
	// Nor does the index move any more by itself: the last thing that an agent
	// registers are its node's tagged addresses.
	servers, _, err := a.Client().Health().Service("consul", "", false, nil)
	if err != nil || len(servers) != 1 || servers[0].Node.TaggedAddresses["lan"] != "127.0.0.1" {
		t.Fatalf("consul = %v, %v; want one, complete", servers, err)
	}
	if err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "web", Port: 80}); err != nil {
		t.Fatal(err)
	}
	entries, meta, err := a.Client().Health().Service("web", "", true, nil)
	if err != nil || len(entries) != 1 || meta.LastIndex < 1 {
		t.Fatalf("web = %v, %v, %v; want one instance", entries, meta, err)
	}

	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if a.running().cmd.ProcessState == nil {
		t.Error("the process was not waited for")
	}
	if conn, err := net.Dial("tcp", a.Address()); err == nil {
		conn.Close()
		t.Errorf("%s still accepts connections", a.Address())
	}
	if !strings.Contains(output.String(), "Consul agent running") {
		t.Errorf("Output has no log: %q", output.String())
	}
}

func TestStopTwiceAndAtOnce(t *testing.T) {
	a := startReal(t, Config{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := a.Stop(); err != nil {
				t.Error(err)
			}
			select {
			case <-a.running().done:
			default:
				t.Error("Stop returned before the agent was gone")
			}
		})
	}
	wg.Wait()
}

func TestEnvironmentDoesNotReachAgentOrClient(t *testing.T) {
	t.Setenv("CONSUL_HTTP_ADDR", "192.0.2.1:1")
	t.Setenv("CONSUL_HTTP_TOKEN", "from the environment")
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", "/nonexistent")
	t.Setenv("CONSUL_HTTP_SSL", "true")
	t.Setenv("CONSUL_CACERT", "/nonexistent")
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")

	// An agent with ACLs refuses a token that it does not know.
	a := startReal(t, Config{Token: "root", ExtraHCL: `
		acl {
			enabled        = true
			default_policy = "deny"
			tokens { initial_management = "root" }
		}`})
	if err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "web"}); err != nil {
		t.Errorf("with Token: %v", err)
	}
	anonymous, err := newClient(a.Address(), "", a.transport)
	if err != nil {
		t.Fatal(err)
	}
	if entries, _, err := anonymous.Health().Service("web", "", false, nil); err != nil || len(entries) != 0 {
		t.Errorf("without Token: %v, %v; want the empty list of the anonymous token", entries, err)
	}
}

func TestEnvironmentOfTheProcess(t *testing.T) {
	t.Setenv("FAKE_AGENT", "environment")
	t.Setenv("CONSUL_HTTP_TOKEN", "from the environment")
	dir := t.TempDir()
	var output bytes.Buffer
	p, err := startProcess(self(), dir, nil, nil, &output)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if text := output.String(); strings.Contains(text, "CONSUL_") || !strings.Contains(text, "\nTMPDIR="+dir) || !strings.Contains(text, "\nin "+dir+" <nil>") {
		t.Errorf("want no CONSUL_ variable, and everything to happen in %s:\n%s", dir, text)
	}
}

func TestManyConnections(t *testing.T) {
	a := startReal(t, Config{})
	// Consul's own limit is 200; a connection above it is answered 429 as soon
	// as it is accepted, so an answer on the last one settles it.
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", a.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for range 250 {
		dial()
	}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://" + a.Address() + "/v1/status/leader")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("connection 251: %s", response.Status)
	}
}

// takenPort is a port on which somebody listens for the time of the test.
func takenPort(t *testing.T) int {
	t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	return taken.Addr().(*net.TCPAddr).Port
}

func TestStartTriesOtherPorts(t *testing.T) {
	privateTemp(t)
	taken, asked := takenPort(t), 0
	a, err := startWith(t.Context(), Config{}, func() (ports, error) {
		p, err := freePorts()
		if asked++; asked == 1 {
			p.http = taken
		}
		return p, err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Stop()
	if asked != 2 {
		t.Errorf("ports were chosen %d times, want 2", asked)
	}
}

func TestStartGivesUpOnPorts(t *testing.T) {
	privateTemp(t)
	taken, asked := takenPort(t), 0
	_, err := startWith(t.Context(), Config{}, func() (ports, error) {
		p, err := freePorts()
		asked++
		p.http = taken
		return p, err
	})
	if !errors.Is(err, errPortTaken) || asked != attempts {
		t.Errorf("after %d attempts: %v", asked, err)
	}
}

func TestStartNamesWhatWentWrong(t *testing.T) {
	privateTemp(t)
	_, err := Start(t.Context(), Config{ExtraHCL: `no_such_option = 1`})
	if err == nil || !strings.Contains(err.Error(), "no_such_option") {
		t.Errorf("err = %v, want the agent's own words", err)
	}

	t.Setenv("FAKE_AGENT", "exits")
	_, err = Start(t.Context(), Config{Path: self()})
	if err == nil || !strings.Contains(err.Error(), "something is wrong with the configuration") ||
		!strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("err = %v, want the exit status and the output", err)
	}

	_, err = Start(t.Context(), Config{Path: "/nonexistent/consul"})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/consul") {
		t.Errorf("err = %v, want the path", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	privateTemp(t)
	t.Setenv("FAKE_AGENT", "hangs")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Start(ctx, Config{Path: self(), Output: onText("hanging", cancel)})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "hanging") {
		t.Errorf("err = %v, want %v and the log", err, context.Canceled)
	}
	if _, err := Start(ctx, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestContextHasNoEffectAfterStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, err := Start(ctx, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Stop()
	cancel()
	if _, err := a.Client().Status().Leader(); err != nil {
		t.Error(err)
	}
}

func TestStubbornAgentIsKilled(t *testing.T) {
	t.Setenv("FAKE_AGENT", "stubborn")
	ignoring := make(chan struct{})
	p, err := startProcess(self(), t.TempDir(), nil, nil, onText("ignoring", func() { close(ignoring) }))
	if err != nil {
		t.Fatal(err)
	}
	<-ignoring
	if err := p.end(time.Millisecond); err != nil {
		t.Error(err)
	}
	select {
	case <-p.done:
	default:
		t.Error("end returned before the process was gone")
	}
	if err := p.end(time.Millisecond); err != nil {
		t.Errorf("a second time: %v", err)
	}
}
