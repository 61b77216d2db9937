package gopathcode

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

// importComment returns what the import comments below root make its path. The
// one nearest to root counts: code that was copied from elsewhere lies deeper,
// and may have kept its comment.
func importComment(root string) (path, from string, err error) {
	real, err := filepath.EvalSymlinks(root) // as WalkDir does not follow one
	if err != nil {
		return "", "", err
	}
	depth := 0 // of the one that is found
	err = filepath.WalkDir(real, func(file string, e fs.DirEntry, err error) error {
		if file == real {
			return err
		}
		rel, _ := filepath.Rel(real, file)
		name := filepath.ToSlash(rel)
		switch { // and leaves out a directory that cannot be read
		case e.IsDir() && skipped(e.Name()):
			return fs.SkipDir
		case !e.Type().IsRegular() || !strings.HasSuffix(name, ".go") || strings.ContainsRune("._", rune(e.Name()[0])):
		case path == "" || strings.Count(name, "/") < depth:
			comment, line := commentIn(file)
			ok := true
			if i := strings.LastIndexByte(name, '/'); i >= 0 {
				comment, ok = strings.CutSuffix(comment, "/"+name[:i])
			}
			if ok && valid(comment) {
				path, depth = comment, strings.Count(name, "/")
				from = fmt.Sprintf("the import comment in %s:%d", name, line)
			}
		}
		return nil
	})
	return path, from, err
}

// skipped says whether a directory is of other people's code, or of none that
// the go command would build.
func skipped(base string) bool {
	switch base {
	case "vendor", "third_party", "testdata", "node_modules":
		return true
	}
	return base[0] == '.' || base[0] == '_'
}

var commented = regexp.MustCompile("^/[/*]\\s*import\\s+[\"`]([^\"`]+)[\"`]")

// commentIn returns the import comment of a Go file, which follows the package
// clause on its line. A file that does not parse has none.
func commentIn(file string) (path string, line int) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return "", 0
	}
	line = files.PositionFor(f.Name.Pos(), false).Line
	for _, g := range f.Comments {
		m := commented.FindStringSubmatch(g.List[0].Text)
		if m != nil && g.Pos() > f.Name.Pos() && files.PositionFor(g.Pos(), false).Line == line {
			return m[1], line
		}
	}
	return "", 0
}
