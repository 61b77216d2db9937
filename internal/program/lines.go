package program

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// lines counts the lines that differ: those that were there, or those that are
// there now if they are more.
func lines(before, after []byte) int {
	n := 0
	var removed, added []string
	count := func() {
		same := common(removed, added)
		n += max(len(removed), len(added)) - same
		removed, added = nil, nil
	}
	for i, line := range strings.Split(string(diff.Diff("", before, "", after)), "\n") {
		switch {
		case i < 3: // the names
		case strings.HasPrefix(line, "-"):
			removed = append(removed, line[1:])
		case strings.HasPrefix(line, "+"):
			added = append(added, line[1:])
		default:
			count()
		}
	}
	count()
	return n
}

// common is the length of the longest sequence that a and b have in common. The
// diff is not the shortest: it takes lines that are not unique as changed if
// their neighbours are.
func common(a, b []string) int {
	above := make([]int, len(b)+1)
	for _, line := range a {
		row := slices.Clone(above)
		for j := range b {
			if line == b[j] {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(row[j], above[j+1])
			}
		}
		above = row
	}
	return above[len(b)]
}
