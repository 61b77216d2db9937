package migrate

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// What a function does, by its name.
var (
	waiting  = regexp.MustCompile(`(?i)sleep|back_?off|wait|delay|pause|throttle`)
	exiting  = regexp.MustCompile(`(?i)fatal|panic|exit|abort`)
	checking = regexp.MustCompile(`(?i)check|must|assert|require|ensure|expect|handle|throw`)
	wrapping = regexp.MustCompile(`Errorf$|^Wrap|^With`)
	quick    = regexp.MustCompile(`(?i)^log|print|warn|error|info|debug|trace|lock|close|cancel|store|add|inc|set|reset|delete|stop`)
)

// waits says whether something below n, and before the position until if that
// is valid, waits or may do so.
func (f *file) waits(n ast.Node, until token.Pos) bool { return f.waitsBelow(n, until, true) }

// waitsBelow looks into functions of the file too if that is called for, and
// takes a statement that calls what it knows nothing about for one that waits.
func (f *file) waitsBelow(n ast.Node, until token.Pos, called bool) (waits bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if waits || n == nil || until.IsValid() && n.Pos() >= until {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SelectStmt:
			waits = f.selectWaits(n, until, called)
			return false
		case *ast.SendStmt:
			waits = true
		case *ast.UnaryExpr:
			waits = n.Op == token.ARROW
		case *ast.CallExpr:
			names := callee(n)
			fn := f.function(names)
			_, statement := f.parents[n].(*ast.ExprStmt)
			switch {
			case waiting.MatchString(strings.Join(names, " ")):
				waits = true
			case called && fn != nil:
				waits = f.waitsBelow(fn.Body, token.NoPos, false)
			case called && fn == nil && statement:
				waits = !isQuick(names) && !isExit(names)
			}
		}
		return !waits
	})
	return waits
}

// selectWaits says whether s waits: with a default clause it does so only in
// what it selects.
func (f *file) selectWaits(s *ast.SelectStmt, until token.Pos, called bool) bool {
	waits, blocks := false, true
	for _, clause := range s.Body.List {
		c := clause.(*ast.CommClause)
		blocks = blocks && c.Comm != nil
		for _, inner := range c.Body {
			waits = waits || f.waitsBelow(inner, until, called)
		}
	}
	return blocks || waits
}

// callee are the names that a call's function has, its own first, those of the
// calls that it is taken from included.
func callee(call *ast.CallExpr) (names []string) {
	for e := call.Fun; ; {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return append(names, x.Name)
		case *ast.SelectorExpr:
			names = append(names, x.Sel.Name)
			e = x.X
		case *ast.CallExpr:
			e = x.Fun
		default:
			return append(names, "")
		}
	}
}

// function is the function or method of the file that names call; nil for none.
func (f *file) function(names []string) *ast.FuncDecl {
	if len(names) > 2 {
		return nil
	}
	for _, d := range f.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Name.Name == names[0] && (fn.Recv == nil) == (len(names) == 1) {
			return fn
		}
	}
	return nil
}

func isQuick(names []string) bool {
	return quick.MatchString(names[0]) || strings.HasPrefix(strings.ToLower(names[len(names)-1]), "log")
}

func isExit(names []string) bool { return exiting.MatchString(names[0]) }

func isCheck(names []string) bool { return checking.MatchString(names[0]) }

// exits says whether something below n may end the goroutine or the process.
func exits(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		found = found || ok && isExit(callee(call))
		return !found
	})
	return found
}
