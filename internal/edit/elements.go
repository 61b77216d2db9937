package edit

import (
	"bytes"
	"go/token"
	"slices"
)

// A Span is src[Start:End].
type Span struct{ Start, End int }

// CutElements removes those elements of a list, in source order, that have the given
// indexes, with their commas.
func CutElements(src []byte, elems []Span, indexes []int) (edits []Edit) {
	lastComma := true
	for _, i := range indexes {
		var cut []Edit
		cut, lastComma = Cut(src, elems[i].Start, elems[i].End, token.COMMA)
		edits = append(edits, cut...)
	}
	if lastComma {
		return edits
	}
	for i := len(elems) - 1; i >= 0; i-- { // the comma before what was last
		if !slices.Contains(indexes, i) {
			return append(edits, cutComma(src, elems[i], elems[i+1:])...)
		}
	}
	return edits
}

// cutComma takes out the comma between the element that is last now and those
// that were behind it, unless a line ends in between: there it has to stay.
func cutComma(src []byte, last Span, behind []Span) []Edit {
	at, _ := Separator(src, last.End, token.COMMA)
	end := behind[0].Start
	all := src[at+1 : behind[len(behind)-1].Start]
	switch gap := src[at+1 : end]; {
	case bytes.Contains(all, []byte("\n")) && (len(behind) > 1 || !blank(gap)):
		return nil
	case !blank(gap):
		end = at + 1
	}
	return []Edit{{at, end, ""}}
}
