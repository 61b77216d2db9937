package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // what the developer has set must not decide
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CONSUL_") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(reexec{m})
}

const patience = 30 * time.Second

func TestMisuse(t *testing.T) {
	for args, want := range map[string]int{
		"":                    exitMisuse,
		"nonsense":            exitMisuse,
		"help":                exitOK,
		"demo -h":             exitOK,
		"demo extra":          exitMisuse,
		"demo -no-such-flag":  exitMisuse,
		"modernize -h":        exitOK,
		"modernize -no-such":  exitMisuse,
		"watch":               exitMisuse,
		"watch -consul x y z": exitMisuse,
	} {
		var out bytes.Buffer
		if got := run(context.Background(), strings.Fields(args), &out, &out); got != want {
			t.Errorf("grpcnaming %s: exit status %d, want %d", args, got, want)
		}
		if !strings.Contains(out.String(), "usage: grpcnaming") {
			t.Errorf("grpcnaming %s prints no usage: %s", args, out.String())
		}
	}
}

// acts are what the demo must have shown, in order.
var acts = []string{
	"(backend A)",
	"=> three backends share the calls: A ",
	"-- backend B is killed",
	"(backend B)",
	"=> its share has moved to the others: A ",
	"-- backend D joins",
	"(backend D)",
	"=> it has its share: A ",
}

// fewFailed is the end of the demo: a call that is on its way to B when it is
// killed may fail.
var fewFailed = regexp.MustCompile(`calls, [0-5] failed\.`)

func testDemo(t *testing.T, consul string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	began := time.Now()
	if got := run(ctx, append([]string{"demo"}, args...), &out, &errs); got != exitOK {
		t.Fatalf("exit status %d: %s\n%s", got, errs.String(), out.String())
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the demo took %v", took)
	}
	rest := out.String()
	for _, act := range append([]string{consul}, acts...) {
		_, after, ok := strings.Cut(rest, act)
		if !ok {
			t.Fatalf("%q is not shown, or not in its place:\n%s", act, out.String())
		}
		rest = after
	}
	if !fewFailed.MatchString(rest) {
		t.Errorf("want %q at the end:\n%s", fewFailed, rest)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("escape sequences in a pipe")
	}
}

func TestDemoOverTheRealConsul(t *testing.T) { testDemo(t, "a real agent, started for this demo") }

func TestDemoWithoutConsul(t *testing.T) {
	t.Chdir(t.TempDir()) // away from bin/consul
	t.Setenv("PATH", "")
	testDemo(t, "a stand-in inside this process")
}

// A Consul given by the environment is used, and nothing of ours stays in it.
func TestDemoOverGivenConsul(t *testing.T) {
	s := consultest.NewServer()
	defer s.Close()
	t.Setenv(api.HTTPAddrEnvName, s.Address())
	testDemo(t, "the Consul agent at "+s.Address())
	services, err := s.Client().Agent().Services()
	if err != nil || len(services) != 0 {
		t.Errorf("services left behind: %v, %v", services, err)
	}
}

func TestDemoFailsWithoutItsConsul(t *testing.T) {
	var out, errs bytes.Buffer
	if got := run(context.Background(), []string{"demo", "-consul", "127.0.0.1:1"}, &out, &errs); got != exitFailed {
		t.Errorf("exit status %d", got)
	}
	if !strings.Contains(errs.String(), "127.0.0.1:1") || !strings.Contains(errs.String(), "refused") {
		t.Errorf("error: %s", errs.String())
	}
}

func TestWatch(t *testing.T) {
	s := consultest.NewServer()
	defer s.Close()
	stdout, w := io.Pipe()
	errReader, errWriter := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"watch", "-consul", s.Address(), "svc"}, w, errWriter)
		w.Close()
		errWriter.Close()
	}()
	lines, errs := bufio.NewScanner(stdout), bufio.NewScanner(errReader)
	expect := func(s *bufio.Scanner, want string) {
		t.Helper()
		if !s.Scan() || !strings.Contains(s.Text(), want) {
			t.Fatalf("line %q, want %q", s.Text(), want)
		}
	}
	expect(errs, `service "svc" has no healthy instance yet`)
	for _, id := range []string{"a", "b"} {
		if err := s.Register(api.AgentServiceRegistration{ID: id, Name: "svc", Address: "10.0.0." + id, Port: 80}); err != nil {
			t.Fatal(err)
		}
		expect(lines, "+ 10.0.0."+id+":80")
	}
	if err := s.Deregister("a"); err != nil {
		t.Fatal(err)
	}
	expect(lines, "- 10.0.0.a:80")
	remove := s.Inject(consultest.Status(500, "No cluster leader"))
	expect(errs, "No cluster leader") // and not again at each try
	if !strings.Contains(errs.Text(), "what is known is 0s old") {
		t.Errorf("%q does not say how old it is what is known", errs.Text())
	}
	remove()
	if err := s.Register(api.AgentServiceRegistration{ID: "c", Name: "svc", Address: "10.0.0.c", Port: 80}); err != nil {
		t.Fatal(err)
	}
	expect(errs, "the agent answers again")
	go io.Copy(io.Discard, errReader)
	cancel() // Ctrl-C
	select {
	case got := <-status:
		if got != exitOK {
			t.Errorf("exit status %d", got)
		}
	case <-time.After(patience):
		t.Error("watch does not end")
	}
}

// On a terminal the table is redrawn below the lines that stay.
func TestScreen(t *testing.T) {
	var b bytes.Buffer
	s := newScreen(&b)
	if s.terminal {
		t.Fatal("a buffer is no terminal")
	}
	s.terminal = true
	s.show([]string{"r1", "r2"}, "")
	s.printf("line %d", 1)
	s.show([]string{"r3"}, "")
	s.leave()
	s.printf("end")
	want := "r1\nr2\n" + "\x1b[2A\x1b[J" + "line 1\n" + "r1\nr2\n" + "\x1b[2A\x1b[J" + "r3\n" + "end\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
