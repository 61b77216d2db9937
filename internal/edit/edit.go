// Package edit changes the text of Go files.
package edit

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"slices"
)

// An Edit replaces src[Start:End] by Text.
type Edit struct {
	Start, End int
	Text       string
}

// Apply returns src after edits, which must not overlap. What is inserted at a
// place comes before what is replaced there.
func Apply(src []byte, edits []Edit) ([]byte, error) {
	var out []byte
	at := 0
	for _, e := range Sorted(edits) {
		if e.Start < at || e.End < e.Start || e.End > len(src) {
			return nil, fmt.Errorf("edits overlap at byte %d", e.Start)
		}
		out = append(append(out, src[at:e.Start]...), e.Text...)
		at = e.End
	}
	return append(out, src[at:]...), nil
}

// Sorted returns edits in the order of their places. Those at one place stay in order.
func Sorted(edits []Edit) []Edit {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	return edits
}

// Reformat formats edited if gofmt had nothing to say about the original. With
// CRLF line endings throughout, the original is measured, and the result
// returned, with them.
func Reformat(original, edited []byte) []byte {
	crlf := bytes.Count(original, []byte("\n")) == bytes.Count(original, []byte("\r\n")) && bytes.Contains(original, []byte("\r\n"))
	if crlf {
		original = bytes.ReplaceAll(original, []byte("\r\n"), []byte("\n"))
		edited = bytes.ReplaceAll(edited, []byte("\r\n"), []byte("\n"))
	}
	clean, err := format.Source(original)
	formatted := edited
	if err == nil && bytes.Equal(clean, original) {
		if f, err := format.Source(edited); err == nil {
			formatted = f
		}
	}
	if crlf {
		formatted = bytes.ReplaceAll(formatted, []byte("\n"), []byte("\r\n"))
	}
	return formatted
}
