package main

import (
	"bytes"
	"os"
	"testing"
)

// The progress line is for terminals only.
func TestProgressElsewhere(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var b bytes.Buffer
	if p, clear := progressOn(&b); p != nil {
		t.Error("progress in a buffer")
	} else {
		clear()
	}
	if p, _ := progressOn(null); p != nil || b.Len() > 0 {
		t.Errorf("progress where there is no terminal: %q", b.String())
	}
}
