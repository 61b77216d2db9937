package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// A statusLine says on a terminal what takes time; elsewhere only if it is
// asked to, in lines.
type statusLine struct {
	w       io.Writer // nil for none
	log     io.Writer // nil for none; gets lines
	percent int
	steps   int
}

func newStatusLine(w io.Writer, verbose bool) *statusLine {
	if verbose {
		return &statusLine{log: w}
	}
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		w = nil
	}
	return &statusLine{w: w, percent: -1}
}

func (s *statusLine) directories(done, total int) {
	if percent := done * 100 / total; s.w != nil && percent != s.percent {
		s.percent = percent
		fmt.Fprintf(s.w, "\r%d%% of %d directories\x1b[K", percent, total)
	}
}

func (s *statusLine) doing(what string) {
	if s.log != nil {
		fmt.Fprintln(s.log, what)
	}
	if s.w != nil {
		s.steps++
		fmt.Fprintf(s.w, "\r%d: %.100s\x1b[K", s.steps, what)
	}
}

func (s *statusLine) clear() {
	if s.w != nil {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
