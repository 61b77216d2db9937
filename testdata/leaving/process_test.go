package leaving

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// A process is the program at work. See its commands in program/main.go.
type process struct {
	t     *testing.T
	stdin io.WriteCloser
	out   chan string   // its lines, then closed
	ended chan struct{} // closed when it has ended, and log has all
	dead  bool          // a step has said so
	kill  func()

	mu  sync.Mutex // guards log
	log strings.Builder
}

// start starts the program. It ends with the test, if not before.
func start(t *testing.T, exe string) *process {
	t.Helper()
	p := &process{t: t, out: make(chan string), ended: make(chan struct{})}
	cmd := exec.Command(exe)
	// Package consulnaming logs a query that fails.
	cmd.Env = append(os.Environ(), "GRPC_GO_LOG_SEVERITY_LEVEL=warning")
	cmd.Stderr = p
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.kill = func() { _ = cmd.Process.Kill() } // it may have ended
	go func() {
		defer close(p.ended)
		defer close(p.out)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.out <- lines.Text()
		}
		_ = cmd.Wait() // how it has ended is in the log
	}()
	t.Cleanup(p.stop)
	return p
}

// stop ends the program. It may be called more than once.
func (p *process) stop() {
	p.stdin.Close()
	kill := time.AfterFunc(testwait.Patience, p.kill)
	defer kill.Stop()
	for range p.out {
	}
	<-p.ended
}

// Write takes what the program logs.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// ask gives a command and returns its n answers. What a program that has died does not
// answer is missing.
func (p *process) ask(n int, format string, args ...any) (answers []string) {
	p.t.Helper()
	command := fmt.Sprintf(format, args...)
	_, _ = io.WriteString(p.stdin, command+"\n") // it fails if the program has died, which out tells
	patience := time.NewTimer(testwait.Patience)
	defer patience.Stop()
	for len(answers) < n {
		select {
		case line, ok := <-p.out:
			if !ok {
				<-p.ended
				return answers
			}
			answers = append(answers, line)
		case <-patience.C:
			p.t.Fatalf("no answer to %q; the program's log:\n%s", command, p.logged())
		}
	}
	return answers
}

// end is how the program has ended, "" if it has not.
func (p *process) end() string {
	select {
	case <-p.ended:
	default:
		return ""
	}
	for line := range strings.Lines(p.logged()) {
		if what, ok := strings.CutPrefix(line, "panic: runtime error: "); ok {
			return "dies: " + strings.TrimSpace(what)
		}
	}
	return "ends: " + p.logged()
}
