package main

import (
	"bytes"
	"strings"
	"testing"
)

// Where there is no terminal nothing is drawn; with -v each step is a line.
func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	s := newStatusLine(&b, false)
	s.directories(1, 2)
	s.doing("downloading a")
	s.clear()
	if b.Len() > 0 {
		t.Errorf("outside a terminal %q is drawn", b.String())
	}
	s = newStatusLine(&b, true)
	s.doing("downloading a")
	s.clear()
	if b.String() != "downloading a\n" {
		t.Errorf("with -v: %q", b.String())
	}
	b.Reset()
	s = &statusLine{w: &b, percent: -1}
	s.directories(1, 200)
	s.directories(1, 200)
	s.doing("downloading b")
	s.clear()
	if got := strings.Split(strings.TrimPrefix(b.String(), "\r"), "\r"); len(got) != 3 || !strings.HasPrefix(got[0], "0% of 200 directories") || !strings.HasPrefix(got[1], "1: downloading b") {
		t.Errorf("on a terminal: %q", b.String())
	}
}
