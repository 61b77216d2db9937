package leaving

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A row is a step in which the program sees something else at each station.
type row struct {
	step string
	seen [3]string // with v1.29.1, on the shim, native
	why  string
}

// table is all that differs. MIGRATING.md has it, too.
var table = []row{
	{"no instance yet: a call", [3]string{"Unavailable", "DeadlineExceeded", "Unavailable"},
		"The shim waits for the first answer, and the article's `Next` has none before there is an instance."},
	{"dialling while Consul is silent: a call", [3]string{"Unavailable", "DeadlineExceeded", "DeadlineExceeded"},
		"Calls wait for the first answer. In v1.29.1 those that came before it failed, also when Consul was well."},
	{"Consul is killed: calls", [3]string{dies, "A, B in turn", "A, B in turn"},
		"The article's `Next` uses a nil result. The shim contains that."},
	{"dialling while Consul is down: a call", [3]string{dies, "Unavailable", "Unavailable"},
		"The same. The text says what is wrong with Consul."},
	{"before the first call: waiting for state READY", [3]string{"READY", "READY", "IDLE"},
		"`NewClient` connects with the first call, or with `conn.Connect()`."},
	{"a call: its :authority", [3]string{`[""]`, `[""]`, `["add"]`},
		"It is the target's service now; `grpc.WithAuthority` sets another."},
}

const dies = "dies: invalid memory address or nil pointer dereference"

const heading = "What differs at the end of the road"

// MIGRATING.md has the table, and no other row.
func TestTableIsInMigrating(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "MIGRATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "# "+heading+"\n")
	if !ok {
		t.Fatalf("MIGRATING.md has no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n#")
	var got strings.Builder
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "|") {
			got.WriteString(line)
		}
	}
	want := "| | v1.29.1 | Shim | Native | Why |\n|---|---|---|---|---|\n"
	for _, r := range table {
		want += fmt.Sprintf("| %s | %s | %s |\n", r.step, strings.Join(r.seen[:], " | "), r.why)
	}
	if got.String() != want {
		t.Errorf("the section %q of MIGRATING.md has this table:\n%s\nwant:\n%s", heading, got.String(), want)
	}
}
