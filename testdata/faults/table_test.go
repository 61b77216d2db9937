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
	sent, failed  int64
	converged     time.Duration // or unmeasured
	before, after int           // goroutines
}

// unmeasured says of a case that nothing has to converge in it.
const unmeasured time.Duration = -1

const tableHead = `| Case | RPCs sent | RPCs failed | Time to converge | Goroutines before | after |
|---|---:|---:|---:|---:|---:|
`

func (r row) String() string {
	converged := "–"
	if r.converged != unmeasured {
		converged = fmt.Sprintf("%.2f s", r.converged.Seconds())
	}
	return fmt.Sprintf("| %s | %d | %d | %s | %d | %d |", r.name, r.sent, r.failed, converged, r.before, r.after)
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
