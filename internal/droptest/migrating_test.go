package droptest

import (
	"os"
	"strings"
	"testing"
)

// What the tests type is what MIGRATING.md tells people to.
func TestMigratingHasTheEdits(t *testing.T) {
	text, err := os.ReadFile("../../MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.TrimSpace(edits)) {
		if line = strings.TrimSpace(line); !strings.Contains(string(text), "\n    "+line+"\n") {
			t.Errorf("MIGRATING.md does not say %s", line)
		}
	}
}
