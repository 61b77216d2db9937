package migrate

import (
	"go/scanner"
	"go/token"
)

// cut removes src[start:end], the separator that follows it, and the line if
// nothing else is on it. Comments stay. It says whether there was a separator.
func (f *file) cut(start, end int, sep token.Token) bool {
	at, found := f.separator(end, sep)
	if found {
		if blank(f.src[end:at]) {
			end = at + 1
		} else {
			f.edits = append(f.edits, edit{at, at + 1, ""})
		}
	}
	line, next := start, end
	for line > 0 && (f.src[line-1] == ' ' || f.src[line-1] == '\t') {
		line--
	}
	for next < len(f.src) && (f.src[next] == ' ' || f.src[next] == '\t' || f.src[next] == '\r') {
		next++
	}
	switch alone := line == 0 || f.src[line-1] == '\n'; {
	case alone && (next == len(f.src) || f.src[next] == '\n'):
		start, end = line, min(next+1, len(f.src))
	case found && next < len(f.src) && f.src[next] != '\n':
		end = next
	}
	f.edits = append(f.edits, edit{start, end, ""})
	return found
}

// separator finds sep as the next token after a place, written out.
func (f *file) separator(after int, sep token.Token) (at int, found bool) {
	var s scanner.Scanner
	fset := token.NewFileSet()
	rest := f.src[after:]
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
