package etcd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A client is etcd's, of one version.
type client struct {
	name    string
	module  string // its path
	version string
	held    string // the version of grpc-go that it asks for
	replace string // the one that its users have, if that is another
}

var clients = []client{
	{"3.3.25", "github.com/coreos/etcd", "v3.3.25+incompatible", "v1.29.1", "v1.26.0"},
	{"3.4.9", "go.etcd.io/etcd", "v0.0.0-20200520232829-54ba9589114f", "v1.26.0", ""},
}

// write puts the program in program/ into dir, for this client.
func (c client) write(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob("program/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("program/: ", files, err)
	}
	files = append(files, "program/go.mod")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// Import paths, or a line of go.mod.
		text = bytes.ReplaceAll(text, []byte(clients[0].module+" "+clients[0].version), []byte(c.module+" "+c.version))
		text = bytes.ReplaceAll(text, []byte(`"`+clients[0].module+"/"), []byte(`"`+c.module+"/"))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	edits := []string{"mod", "edit", "-dropreplace=google.golang.org/grpc", "-require=google.golang.org/grpc@" + c.held}
	if c.replace != "" {
		edits = append(edits, "-replace=google.golang.org/grpc=google.golang.org/grpc@"+c.replace)
	}
	run(t, dir, "go", edits...)
}

// build returns the binary of the program in dir.
func build(t *testing.T, dir string) string {
	t.Helper()
	run(t, dir, "go", "build", "-mod=mod", "-o", "program.exe", ".")
	return filepath.Join(dir, "program.exe")
}

// run runs a command, which may take long, and returns what it says.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	t.Logf("%s %s", filepath.Base(name), strings.Join(args, " "))
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A process is the program at work. See the commands in program/main.go.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *json.Decoder
	sum     answer // what has happened to puts since take was called
}

// An answer is what program/main.go says.
type answer struct {
	GRPC       string
	Puts       int
	Failed     map[string]int
	Members    map[uint64]int
	Gap, CPU   float64
	Probes     map[string]string
	Unseen     int
	Lost       string
	Goroutines int
	Stacks     string
}

// start starts the program with a task. It ends with the test.
func start(t *testing.T, exe, endpoints string, task ...string) *process {
	t.Helper()
	cmd := exec.Command(exe, append([]string{"-endpoints", endpoints}, task...)...)
	cmd.Stderr = lines{t}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &process{t, cmd, stdin, json.NewDecoder(bufio.NewReader(out)), answer{}}
}

// ask writes a command and reads the answer.
func (p *process) ask(command string) answer {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, command+"\n"); err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
	return p.read()
}

func (p *process) read() (a answer) {
	p.t.Helper()
	deadline := time.AfterFunc(2*time.Minute, func() { p.cmd.Process.Kill() })
	defer deadline.Stop()
	if err := p.answers.Decode(&a); err != nil {
		p.t.Fatalf("the program has not answered: %v", err)
	}
	p.sum.add(a)
	return a
}

// take returns what has happened to puts since it was called last.
func (p *process) take() answer {
	sum := p.sum
	p.sum = answer{}
	return sum
}

func (a *answer) add(more answer) {
	if a.Failed == nil {
		a.Failed = make(map[string]int)
	}
	for text, n := range more.Failed {
		a.Failed[text] += n
	}
	a.Puts += more.Puts
	a.Gap = max(a.Gap, more.Gap)
}

// lines logs what the program logs, but for what etcd's client does: a line of JSON
// for each RPC that fails.
type lines struct{ t *testing.T }

func (l lines) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "{") {
			l.t.Logf("    %.200s", strings.TrimSpace(line))
		}
	}
	return len(b), nil
}
