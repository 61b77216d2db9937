package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// table has a row per case.
var table rows

type rows struct {
	mu   sync.Mutex // guards all
	rows []row
}

type row struct {
	name          string
	of            [kinds]*figures // nil of a kind that was not there
	before, after int             // goroutines
}

// figures are those of one kind.
type figures struct {
	sent, failed int64
	converged    time.Duration // or unmeasured
}

// unmeasured says of a case that nothing has to converge in it.
const unmeasured time.Duration = -1

const tableHead = `| Case | Shim: RPCs sent | RPCs failed | Time to converge | Native: RPCs sent | RPCs failed | Time to converge | Goroutines before | after |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
`

func (r row) String() string {
	return fmt.Sprintf("| %s | %v | %v | %d | %d |", r.name, r.of[shim], r.of[native], r.before, r.after)
}

func (f *figures) String() string {
	switch {
	case f == nil:
		return "– | – | –"
	case f.converged == unmeasured:
		return fmt.Sprintf("%d | %d | –", f.sent, f.failed)
	}
	return fmt.Sprintf("%d | %d | %.2f s", f.sent, f.failed, f.converged.Seconds())
}

func (r *rows) add(one row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, one)
}

// write writes the table, sorted by name, unless there is no row.
func (r *rows) write(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path == "" || len(r.rows) == 0 {
		return nil
	}
	slices.SortFunc(r.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString(tableHead)
	for _, one := range r.rows {
		b.WriteString(one.String() + "\n")
	}
	return writeFile(path, []byte(b.String()))
}

// writeFile makes the directory of the file, too.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}
