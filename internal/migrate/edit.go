package migrate

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"slices"
)

// An edit replaces src[start:end] by text.
type edit struct {
	start, end int
	text       string
}

// apply returns src after edits, which must not overlap. What is inserted at a
// place comes before what is replaced there.
func apply(src []byte, edits []edit) ([]byte, error) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	var out []byte
	at := 0
	for _, e := range edits {
		if e.start < at || e.end < e.start || e.end > len(src) {
			return nil, fmt.Errorf("edits overlap at byte %d", e.start)
		}
		out = append(append(out, src[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, src[at:]...), nil
}

// reformat formats edited if gofmt had nothing to say about the original. With
// CRLF line endings throughout, the original is measured, and the result
// returned, with them.
func reformat(original, edited []byte) []byte {
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
