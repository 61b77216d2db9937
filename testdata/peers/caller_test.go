package peers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// caller is a process with a ClientConn under load.
type caller struct {
	client Client
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	log    bytes.Buffer  // standard error; complete after done
	done   chan struct{} // closed when the process has ended
	err    error         // of its end; valid after done

	mu    sync.Mutex // guards calls
	calls []call     // RPCs that have ended
}

// start starts processes of each client, which end with the test, all on the same
// service.
func start(t *testing.T, clients []Client, consul, service string, tags ...string) (list []*caller) {
	t.Helper()
	for _, client := range clients {
		for range samples() {
			list = append(list, startOne(t, client, spec{client.Name, consul, service, tags}))
		}
	}
	return list
}

func startOne(t *testing.T, client Client, s spec) *caller {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{client: client, cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	c.cmd.Stderr = &c.log
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var one call
			if json.Unmarshal(lines.Bytes(), &one) == nil {
				c.mu.Lock()
				c.calls = append(c.calls, one)
				c.mu.Unlock()
			}
		}
		c.err = c.cmd.Wait()
	}()
	t.Cleanup(func() { c.end() })
	return c
}

// end ends the process. It may be called again.
func (c *caller) end() {
	c.stdin.Close()
	select {
	case <-c.done:
	case <-time.After(10 * rpcTime): // it hangs
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// crash is what the process has died of, "" if it has not.
func (c *caller) crash() string {
	select {
	case <-c.done:
	default:
		return ""
	}
	if c.err == nil {
		return ""
	}
	log := c.log.String()
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("%v: %s", c.err, log)
}

// since are the RPCs that ended at or after a time.
func (c *caller) since(t time.Time) []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, _ := slices.BinarySearchFunc(c.calls, t, func(one call, t time.Time) int { return one.Ended.Compare(t) })
	return slices.Clone(c.calls[i:])
}

// await waits until ok of the RPCs since a time, and says whether it ever was.
func (c *caller) await(since time.Time, limit time.Duration, ok func([]call) bool) bool {
	next := time.NewTicker(pace)
	defer next.Stop()
	for over := time.After(limit); ; {
		if ok(c.since(since)) {
			return true
		}
		select {
		case <-next.C:
		case <-c.done:
			return ok(c.since(since))
		case <-over:
			return false
		}
	}
}

// begins waits until ok of the first RPCs, before a fault.
func (c *caller) begins(t *testing.T, ok func([]call) bool) {
	t.Helper()
	if !c.await(time.Time{}, testwait.Patience, ok) {
		c.end()
		t.Fatalf("%s does not use the instances before the fault: %s", c.client.Name, c.log.String())
	}
}

// recovers waits until ok of the RPCs since the end of a fault, and says whether the
// client did that in the time that it had.
func (c *caller) recovers(t *testing.T, ended time.Time, ok func([]call) bool) bool {
	t.Helper()
	limit := time.Until(ended.Add(given()))
	if c.client.Ours {
		limit = testwait.Patience
	}
	if c.await(ended, limit, ok) {
		return true
	}
	if c.client.Ours {
		t.Errorf("%s has not recovered; %s", c.client.Name, c.crash())
	}
	return false
}

// failed are those of calls that did not get an answer.
func failed(calls []call) (list []call) {
	for _, one := range calls {
		if one.Code != "" {
			list = append(list, one)
		}
	}
	return list
}

// steady is how many RPCs in a row show who takes turns.
const steady = 40

// uses returns a condition: the last RPCs have been answered by these and by nobody
// else, each at least once.
func uses(addrs ...string) func([]call) bool {
	return func(calls []call) bool {
		if len(calls) < steady {
			return false
		}
		return slices.Equal(answering(calls[len(calls)-steady:]), slices.Sorted(slices.Values(addrs)))
	}
}

// answering are those that have answered, sorted.
func answering(calls []call) (addrs []string) {
	for _, one := range calls {
		if one.Addr != "" {
			addrs = append(addrs, one.Addr)
		}
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

// current is how long after t the set was used: when the newcomer had answered, and
// the last RPC had gone to whoever is gone, if there is one.
func (c *caller) current(t time.Time, newcomer, gone string) time.Duration {
	var first, last time.Time
	for _, one := range c.since(t) {
		if one.Addr == newcomer && first.IsZero() {
			first = one.Ended
		}
		if gone != "" && one.Addr == gone {
			last = one.Ended
		}
	}
	if last.After(first) {
		first = last
	}
	return first.Sub(t)
}
