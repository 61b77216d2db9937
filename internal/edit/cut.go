package edit

import (
	"go/scanner"
	"go/token"
)

// Cut removes src[start:end], the separator that follows it, and the line if
// nothing else is on it. Comments stay. It says whether there was a separator.
func Cut(src []byte, start, end int, sep token.Token) (edits []Edit, found bool) {
	at, found := Separator(src, end, sep)
	if found {
		if blank(src[end:at]) {
			end = at + 1
		} else {
			edits = append(edits, Edit{at, at + 1, ""})
		}
	}
	line, next := start, end
	for line > 0 && (src[line-1] == ' ' || src[line-1] == '\t') {
		line--
	}
	for next < len(src) && (src[next] == ' ' || src[next] == '\t' || src[next] == '\r') {
		next++
	}
	switch alone := line == 0 || src[line-1] == '\n'; {
	case alone && (next == len(src) || src[next] == '\n'):
		start, end = line, min(next+1, len(src))
	case found && next < len(src) && src[next] != '\n':
		end = next
	}
	return append(edits, Edit{start, end, ""}), found
}

// Separator finds sep as the next token after a place, written out.
func Separator(src []byte, after int, sep token.Token) (at int, found bool) {
	var s scanner.Scanner
	fset := token.NewFileSet()
	rest := src[after:]
	tf := fset.AddFile("", -1, len(rest))
	s.Init(tf, rest, func(token.Position, string) {}, 0)
	pos, tok, lit := s.Scan()
	return after + tf.Offset(pos), tok == sep && lit != "\n"
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}
