package consulagent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A process is the agent's process and the goroutine that waits for it.
type process struct {
	cmd  *exec.Cmd
	log  *logTail
	done chan struct{} // closed when the process is gone and its log complete
	err  error         // what Wait said; valid after done
}

func startProcess(path, dir string, args, files []string, output io.Writer) (*process, error) {
	for _, file := range files {
		args = append(args, "-config-file", file)
	}
	p := &process{cmd: exec.Command(path, args...), log: &logTail{next: output}, done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = environment(dir)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.WaitDelay = 5 * time.Second
	dieWithParent(p.cmd)

	started := make(chan error)
	go func() {
		// The parent-death signal of Linux is sent when the thread ends that
		// started the child (prctl(2), PR_SET_PDEATHSIG), so that thread is
		// kept until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// end asks the process to leave and kills it when it has not done so in time.
func (p *process) end(grace time.Duration) error {
	select {
	case <-p.done:
		// It went by itself, which is for awaitReady or for nobody to report.
		return nil
	default:
	}
	// A server that is interrupted stops without handing its state over.
	// Windows knows no such signal: there the error means kill at once.
	if err := p.cmd.Process.Signal(os.Interrupt); err == nil {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
			return nil
		case <-timer.C:
		}
	}
	return p.kill()
}

// kill ends the process at once.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("process %d: %w", p.cmd.Process.Pid, err)
	}
	<-p.done
	return nil
}

// environment is this process's, less what configures Consul. Temporary files
// go where they are removed with the rest.
func environment(dir string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CONSUL_") {
			env = append(env, variable)
		}
	}
	return append(env, "TMPDIR="+dir, "TMP="+dir, "TEMP="+dir)
}

// logTail passes the log on and keeps its end for error messages.
type logTail struct {
	next io.Writer

	mu  sync.Mutex // guards end
	end []byte
}

func (l *logTail) Write(b []byte) (int, error) {
	const keep = 4 << 10
	l.mu.Lock()
	l.end = append(l.end, b...)
	if len(l.end) > keep {
		l.end = append([]byte(nil), l.end[len(l.end)-keep:]...)
	}
	l.mu.Unlock()
	if l.next != nil {
		// An error here would stop the copying and, in time, the agent.
		l.next.Write(b)
	}
	return len(b), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.end)
}
