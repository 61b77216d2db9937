package consulagent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play the agent, or the parent of one, when a
// test starts it with FAKE_AGENT set.
func TestMain(m *testing.M) {
	switch os.Getenv("FAKE_AGENT") {
	case "":
		goleak.VerifyTestMain(m)
	case "exits":
		fmt.Println("something is wrong with the configuration")
		os.Exit(1)
	case "environment":
		wd, err := os.Getwd()
		fmt.Println(strings.Join(os.Environ(), "\n"), "\nin", wd, err)
	case "hangs":
		fmt.Println("hanging")
		select {}
	case "stubborn":
		signal.Ignore(os.Interrupt)
		fmt.Println("ignoring interrupts")
		select {}
	case "listens":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println("address", listener.Addr())
		listener.Accept()
		select {}
	case "parent":
		os.Setenv("FAKE_AGENT", "listens")
		_, err := Start(context.Background(), Config{Path: self(), Output: os.Stdout})
		panic(err)
	}
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// startReal starts a real agent; without a binary the test fails.
func startReal(t *testing.T, cfg Config) *Agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// privateTemp gives the test a temporary directory of its own in which nothing
// may be left at its end.
func privateTemp(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// onText is a writer that calls do once, when it has seen text.
func onText(text string, do func()) io.Writer {
	return &textWatch{text: text, do: do}
}

type textWatch struct {
	mu   sync.Mutex
	seen bytes.Buffer
	text string
	do   func()
}

func (w *textWatch) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.seen.Write(b)
	hit := w.do != nil && strings.Contains(w.seen.String(), w.text)
	do := w.do
	if hit {
		w.do = nil
	}
	w.mu.Unlock()
	if hit {
		do()
	}
	return len(b), nil
}
