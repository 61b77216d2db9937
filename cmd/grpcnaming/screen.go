package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// screen shows lines that stay and below them a table that changes. On a
// terminal the table is redrawn in place; elsewhere each table is one line.
type screen struct {
	terminal bool

	mu    sync.Mutex // guards what follows
	w     io.Writer
	table []string // as drawn last, on a terminal
}

func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	return &screen{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (s *screen) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.table
	s.erase()
	fmt.Fprintf(s.w, format+"\n", args...)
	s.draw(table)
}

// show replaces the table by rows; elsewhere than on a terminal it prints line.
func (s *screen) show(rows []string, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal {
		fmt.Fprintln(s.w, line)
		return
	}
	s.erase()
	s.draw(rows)
}

// leave makes the table that is shown stay.
func (s *screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table = nil
}

func (s *screen) erase() {
	if len(s.table) > 0 {
		fmt.Fprintf(s.w, "\x1b[%dA\x1b[J", len(s.table)) // up, and clear what is below
	}
	s.table = nil
}

func (s *screen) draw(rows []string) {
	if len(rows) > 0 {
		fmt.Fprintln(s.w, strings.Join(rows, "\n"))
	}
	s.table = rows
}
