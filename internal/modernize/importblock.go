package modernize

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// importBlock makes one block of imports that stand in declarations of their own, if
// there are more of these than before and no comment is between them. Packages of the
// standard library come first.
func importBlock(old, now []byte) []byte {
	before, _ := singleImports(old)
	decls, tree := singleImports(now)
	if len(decls) < 2 || len(decls) <= len(before) {
		return now
	}
	from, to := decls[0].Pos(), decls[len(decls)-1].End()
	for _, c := range tree.Comments {
		if c.Pos() < to && c.End() > from {
			return now
		}
	}
	for _, d := range tree.Decls {
		if d.Pos() > from && d.End() < to && !slices.Contains(decls, d.(*ast.GenDecl)) {
			return now // a block between them
		}
	}
	var standard, others []string
	for _, d := range decls {
		spec := d.Specs[0].(*ast.ImportSpec)
		text := spec.Path.Value
		if text == `"C"` {
			return now
		}
		if spec.Name != nil {
			text = spec.Name.Name + " " + text
		}
		if strings.Contains(firstElement(strings.Trim(spec.Path.Value, "`\"")), ".") {
			others = append(others, text)
		} else {
			standard = append(standard, text)
		}
	}
	slices.Sort(standard)
	slices.Sort(others)
	block := "import (\n\t"
	if len(standard) > 0 {
		block += strings.Join(standard, "\n\t") + "\n"
		if len(others) > 0 {
			block += "\n\t"
		}
	}
	if len(others) > 0 {
		block += strings.Join(others, "\n\t") + "\n"
	}
	block += ")"
	return slices.Concat(now[:from-tree.FileStart], []byte(block), now[to-tree.FileStart:])
}

// singleImports are the imports that stand in declarations of their own.
func singleImports(src []byte) (decls []*ast.GenDecl, tree *ast.File) {
	tree, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, tree
	}
	for _, d := range tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && !g.Lparen.IsValid() {
			decls = append(decls, g)
		}
	}
	return decls, tree
}
