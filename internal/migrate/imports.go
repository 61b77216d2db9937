package migrate

import (
	"go/token"
	"strconv"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// An addedImport is an import that a rewrite needs, put beside another.
type addedImport struct {
	beside     *importSpec // nil in a file that imports nothing
	path, name string
	base       string // the name that needs no alias
}

func (a addedImport) text() string {
	if a.name == a.base {
		return strconv.Quote(a.path)
	}
	return a.name + " " + strconv.Quote(a.path)
}

// editImports takes out the imports that nothing uses any more and puts in
// those that are new.
func (f *file) editImports() {
	for _, a := range f.added {
		if a.beside == nil {
			f.firstImport(a.text())
		}
	}
	for _, i := range f.imports {
		var texts []string
		for _, a := range f.added {
			if a.beside == i {
				texts = append(texts, a.text())
			}
		}
		switch gone := i.refs > 0 && i.kept == 0; {
		case gone && len(texts) > 0: // takes its place
			if f.src[f.offset(i.spec.Pos())-1] == 't' { // import"a"
				texts[0] = " " + texts[0]
			}
			f.replace(i.spec.Pos(), i.spec.Path.End(), texts[0])
			f.insertImports(i, texts[1:])
		case gone:
			f.removeImport(i)
		default:
			f.unvendor(i)
			f.insertImports(i, texts)
		}
	}
}

// firstImport puts an import behind the package clause.
func (f *file) firstImport(text string) {
	at := f.offset(f.tree.Name.End())
	line, _, _ := strings.Cut(string(f.src[at:]), "\n")
	sep := "; "
	if strings.TrimSpace(line) == "" {
		sep = f.newline() + f.newline()
	}
	f.edits = append(f.edits, edit.Edit{Start: at, End: at, Text: sep + "import " + text})
}

// insertImports puts specs beside i without coming between it and its comments.
func (f *file) insertImports(i *importSpec, texts []string) {
	if len(texts) == 0 {
		return
	}
	nl := f.newline()
	start, end := f.offset(i.spec.Pos()), f.offset(i.spec.Path.End())
	if !i.decl.Lparen.IsValid() { // import "a" becomes a block
		start = f.offset(i.decl.Pos()) + len("import")
		f.edits = append(f.edits, edit.Edit{Start: start, End: start, Text: " (" + nl + "\t" + strings.Join(texts, nl+"\t") + nl + "\t"})
		f.edits = append(f.edits, edit.Edit{Start: start, End: f.offset(i.spec.Pos()), Text: ""})
		if i.spec.Comment != nil {
			end = f.offset(i.spec.Comment.End())
		}
		f.edits = append(f.edits, edit.Edit{Start: end, End: end, Text: nl + ")"})
		return
	}
	indent, first := f.indent(i.spec.Pos())
	for _, t := range texts {
		if first && i.spec.Doc == nil {
			f.edits = append(f.edits, edit.Edit{Start: start, End: start, Text: t + nl + indent})
		} else {
			f.edits = append(f.edits, edit.Edit{Start: end, End: end, Text: "; " + t})
		}
	}
}

func (f *file) removeImport(i *importSpec) {
	from, to := i.spec.Pos(), i.spec.Path.End()
	if len(i.decl.Specs) == 1 {
		from, to = i.decl.Pos(), i.decl.End()
		for _, c := range f.tree.Comments {
			if c.Pos() > from && c.End() < to { // its comments stay where they are
				from, to = i.spec.Pos(), i.spec.Path.End()
			}
		}
	}
	f.cut(f.offset(from), f.offset(to), token.SEMICOLON)
}

func (f *file) newline() string {
	if strings.Contains(string(f.src), "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// indent returns what stands before p on its line, and whether that is blank.
func (f *file) indent(p token.Pos) (string, bool) {
	at := f.offset(p)
	line := at
	for line > 0 && f.src[line-1] != '\n' {
		line--
	}
	s := string(f.src[line:at])
	return s, strings.Trim(s, " \t") == ""
}
