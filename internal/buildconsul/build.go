package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A builder builds one main package of the module in dir.
type builder struct {
	dir    string
	pkg    string
	out    string
	report io.Writer
	every  time.Duration // how often progress is reported
}

// run writes the binary to out, complete or not at all: it is built beside
// out, asked for its version, and then renamed.
func (b builder) run(ctx context.Context) error {
	out, err := filepath.Abs(b.out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(out), ".buildconsul-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	built := filepath.Join(temp, filepath.Base(out))

	begin := time.Now()
	b.say("building %s into %s; with an empty build cache this takes minutes", b.pkg, b.out)
	total, err := b.list(ctx, begin)
	if err != nil {
		return err
	}
	if err := b.compile(ctx, begin, built, total); err != nil {
		return err
	}
	version, err := versionOf(ctx, built)
	if err != nil {
		return fmt.Errorf("the new binary does not run: %w", err)
	}
	if err := os.Rename(built, out); err != nil {
		return err
	}
	b.say("%s is %s, built in %s", b.out, version, elapsed(begin))
	return nil
}

// list counts the packages that pkg is made of. To know them, the go command
// downloads all modules: this is the part that needs the network.
func (b builder) list(ctx context.Context, begin time.Time) (int, error) {
	packages, downloads := 0, 0
	err := b.goTool(ctx, []string{"list", "-deps", b.pkg}, func(line string) {
		switch {
		case strings.HasPrefix(line, "go: downloading "):
			downloads++
		case line != "":
			packages++
		}
	}, func() {
		b.say("%d modules downloaded, %s", downloads, elapsed(begin))
	})
	if err != nil {
		return 0, err
	}
	b.say("%d packages, %d modules downloaded, %s", packages, downloads, elapsed(begin))
	return packages, nil
}

// compile builds pkg. `go build -v` names a package when it is compiled;
// packages in the build cache are not named, so the count may end early.
func (b builder) compile(ctx context.Context, begin time.Time, built string, total int) error {
	compiled, linking := 0, false
	// No -trimpath: it would compile the standard library once more, beside
	// the copy that every other build on this machine shares.
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags=-s -w", "-o", built, b.pkg}
	return b.goTool(ctx, args, func(line string) {
		if strings.ContainsAny(line, ": \t") { // not an import path: a message
			return
		}
		compiled++
		linking = linking || line == b.pkg
	}, func() {
		phase := ""
		if linking {
			phase = ", linking"
		}
		b.say("%d of at most %d packages compiled%s, %s", compiled, total, phase, elapsed(begin))
	})
}

// goTool runs the go command. It calls line for every line of output, and
// progress when the time has come; both on the caller's goroutine, so they
// share state freely. The error carries the last lines of the output.
func (b builder) goTool(ctx context.Context, args []string, line func(string), progress func()) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.dir
	// No C compiler is needed; a workspace around the repository, or in the
	// caller's environment, would change what is built.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.WaitDelay = 10 * time.Second
	output, input := io.Pipe()
	cmd.Stdout, cmd.Stderr = input, input
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		input.Close()
		done <- err
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			lines <- scanner.Text()
		}
		// A line too long for the scanner must not block the go command.
		io.Copy(io.Discard, output)
	}()

	ticker := time.NewTicker(b.every)
	defer ticker.Stop()
	var last tail
	for {
		select {
		case text, ok := <-lines:
			if !ok {
				if err := <-done; err != nil {
					return fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args, " "), b.dir, err, last.String())
				}
				return nil
			}
			last.add(text)
			line(text)
		case <-ticker.C:
			progress()
		}
	}
}

func (b builder) say(format string, args ...any) {
	fmt.Fprintf(b.report, "buildconsul: "+format+"\n", args...)
}

func elapsed(begin time.Time) time.Duration { return time.Since(begin).Round(time.Second) }

// tail keeps the last lines of an output.
type tail []string

func (t *tail) add(line string) {
	const keep = 40
	if *t = append(*t, line); len(*t) > keep {
		*t = (*t)[len(*t)-keep:]
	}
}

func (t tail) String() string {
	var b bytes.Buffer
	for _, line := range t {
		fmt.Fprintln(&b, "  "+line)
	}
	return strings.TrimRight(b.String(), "\n")
}
