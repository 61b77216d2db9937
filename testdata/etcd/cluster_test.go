package etcd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A cluster is three members on loopback, each a process of its own.
type cluster []*member

type member struct {
	args  []string
	addr  string // where clients connect
	dir   string
	log   string
	cmd   *exec.Cmd
	stdin io.Closer // its end ends the process
}

// startCluster returns members that are ready, for http or https. They end with the
// test.
func startCluster(t *testing.T, scheme string) cluster {
	t.Helper()
	const members, attempts = 3, 3
	var err error
	for range attempts {
		c := newCluster(t, members, scheme)
		if err = c.each((*member).start); err == nil {
			t.Cleanup(func() { c.each((*member).kill) })
			return c
		}
		c.each((*member).kill)
	}
	t.Fatal(err)
	return nil
}

func newCluster(t *testing.T, n int, scheme string) cluster {
	t.Helper()
	ports := freePorts(t, 2*n)
	var c cluster
	var peers []string
	for i := range n {
		peers = append(peers, fmt.Sprintf("m%d=http://127.0.0.1:%d", i, ports[n+i]))
	}
	for i := range n {
		m := &member{addr: fmt.Sprintf("127.0.0.1:%d", ports[i]), dir: t.TempDir()}
		name, peer, _ := strings.Cut(peers[i], "=")
		m.args = []string{name, filepath.Join(m.dir, "data"), scheme + "://" + m.addr, peer, strings.Join(peers, ",")}
		m.log = filepath.Join(m.dir, "log")
		c = append(c, m)
	}
	return c
}

func (c cluster) each(do func(*member) error) error {
	errs := make([]error, len(c))
	var wg sync.WaitGroup
	for i, m := range c {
		wg.Go(func() { errs[i] = do(m) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c cluster) endpoints() string {
	var list []string
	for _, m := range c {
		list = append(list, m.addr)
	}
	return strings.Join(list, ",")
}

// start starts the member, on its data if it has any, and waits until it is ready.
func (m *member) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	m.cmd = exec.Command(self, m.args...)
	m.cmd.Env = append(os.Environ(), memberEnv+"=1")
	m.cmd.Stderr = log
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			return nil
		}
	}
	said, _ := os.ReadFile(m.log)
	return fmt.Errorf("member %s has ended: %v\n%s", m.args[0], m.cmd.Wait(), said)
}

// kill is a SIGKILL: nothing is handed over.
func (m *member) kill() error {
	if m.cmd == nil || m.cmd.Process == nil {
		return nil
	}
	m.stdin.Close()
	if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	m.cmd.Wait() // killed, as it should be
	return nil
}

// freePorts are below those that the kernel hands out: while a member is down, no
// other socket is given its ports.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for len(ports) < n {
		port := 15000 + rand.IntN(15000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		ports = append(ports, port)
	}
	return ports
}
