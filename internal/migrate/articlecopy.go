package migrate

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// reportArticleCopies notes types that watch Consul as one in a widely copied
// article does, if they have faults that package consulnaming has not. The code
// works as it did, so nothing is left to do: it is a note, at each run.
func reportArticleCopies(f *file) {
	api := f.consulName()
	if api == "" {
		return
	}
	methods := f.methods()
	for _, d := range f.tree.Decls {
		next, ok := d.(*ast.FuncDecl)
		if !ok || !f.isNext(next) || methods[receiver(next)]["Next"] != next {
			continue
		}
		c := &articleCopy{file: f, api: api, name: receiver(next), next: next, methods: methods[receiver(next)]}
		c.findQueries()
		if faults := c.faults(); len(faults) > 0 {
			with := "with faults"
			if len(faults) == 1 {
				with = "with a fault"
			}
			f.report(next.Pos(), linkCompile,
				fmt.Sprintf("%s watches Consul %s that package consulnaming has not: %s", c.name, with, strings.Join(faults, "; ")),
				fmt.Sprintf("write %s %s", c.constructor(), c.place()))
			f.reports[len(f.reports)-1].Note = true
		}
	}
}

// An articleCopy is a type whose Next asks Consul.
type articleCopy struct {
	*file
	api     string // the name of Consul's package in the file
	name    string
	next    *ast.FuncDecl
	methods map[string]*ast.FuncDecl // the type's in the file
	queries []*consulQuery
}

// faults are those that show in the syntax, each where it shows first.
func (c *articleCopy) faults() (faults []string) {
	if len(c.queries) == 0 {
		return nil
	}
	var deref, again, returned token.Pos
	first := func(at *token.Pos, p token.Pos) {
		if p.IsValid() && (!at.IsValid() || p < *at) {
			*at = p
		}
	}
	for _, q := range c.queries {
		o := c.follow(q.call, true, []bool{true, true, false})
		first(&deref, o.deref)
		first(&again, o.again)
		if q.via != nil && o.returned != nil { // then Next has to do with the failure
			o = c.follow(q.via, true, o.nilResults())
			first(&deref, o.deref)
			first(&again, o.again)
		}
		if o.returned != nil {
			first(&returned, o.returned.Pos())
		}
	}
	say := func(at token.Pos, format string) {
		if at.IsValid() {
			faults = append(faults, fmt.Sprintf(format, c.fset.PositionFor(at, false).Line))
		}
	}
	say(deref, "when a query fails, a nil result is dereferenced (line %d)")
	if busy := c.busy(); busy.IsValid() {
		say(busy, "its query has no WaitIndex (line %d), so Consul answers at once and is asked again at once")
	} else {
		say(again, "a query that fails is sent again at once, again and again (line %d)")
	}
	say(returned, "when a query fails, Next returns the error (line %d), after which RoundRobin of grpc-go v1.29.1 never asked again and kept its last addresses (adapter.RoundRobin resolves again, with backoff)")
	if end := c.methods["Close"]; end != nil && doesNothing(end) {
		switch loops, blocks := c.endless(); {
		case loops && returned.IsValid():
			say(end.Pos(), "Close does nothing (line %d), so Next and its queries go on until the addresses change or a query fails")
		case loops:
			say(end.Pos(), "Close does nothing (line %d), so Next and its queries go on until the addresses change")
		case blocks:
			say(end.Pos(), "Close does nothing (line %d), so the query in flight stays until Consul answers")
		}
	}
	say(c.unbounded(), "its query has no WaitTime (line %d), so Consul holds it for up to 5 minutes, the default, and a sixteenth more, and no timeout here ends it when the agent falls silent")
	return faults
}

// busy is where a query stands that does not block and is sent again and again
// without a pause.
func (c *articleCopy) busy() token.Pos {
	for _, q := range c.queries {
		if !q.options.known || q.options.index {
			return token.NoPos
		}
	}
	for _, q := range c.queries {
		switch loop, ok := c.loopAround(q); {
		case !ok:
		case loop == nil: // RoundRobin is the loop
			if len(c.queries) == 1 && c.always(q.call) && (q.via == nil || c.always(q.via)) && !c.waits(c.next.Body, token.NoPos) {
				return q.call.Pos()
			}
		case q.via == nil || loop.Pos() < q.call.Pos() && q.call.End() < loop.End():
			if c.follow(q.call, false, make([]bool, 3)).again.IsValid() {
				return q.call.Pos()
			}
		default:
			if a, ok := c.parents[q.via].(*ast.AssignStmt); ok && !c.waits(q.via, token.NoPos) && c.follow(q.via, false, make([]bool, len(a.Lhs))).again.IsValid() {
				return q.call.Pos()
			}
		}
	}
	return token.NoPos
}

// endless says whether Next has a loop around a query, and whether a query
// blocks, where nothing but Close could end that.
func (c *articleCopy) endless() (loops, blocks bool) {
	for _, q := range c.queries {
		if !q.options.known || q.options.bound {
			return false, false
		}
		loop, ok := c.loopAround(q)
		loops = loops || ok && loop != nil && (loop.Cond == nil || loop.Post == nil)
		blocks = blocks || q.options.index
	}
	return loops, blocks
}

// unbounded is where a query stands that says not how long it may take.
func (c *articleCopy) unbounded() token.Pos {
	for _, q := range c.queries {
		if o := q.options; o.known && o.index && !o.wait && !o.bound && !c.setsHTTPClient() {
			return q.call.Pos()
		}
	}
	return token.NoPos
}

// setsHTTPClient says whether the file has to do with the HTTP client of a
// Consul client, or its transport: they may have a timeout.
func (c *articleCopy) setsHTTPClient() (sets bool) {
	ast.Inspect(c.tree, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		sets = sets || ok && (id.Name == "HttpClient" || id.Name == "ResponseHeaderTimeout")
		return !sets
	})
	return sets
}

// constructor is the call that asks Consul for the same.
func (c *articleCopy) constructor() string {
	var opts []string
	add := func(o string) {
		if have := strings.Join(opts, " "); !strings.Contains(have, o) {
			opts = append(opts, o)
		}
	}
	for _, q := range c.queries {
		if tag := q.call.Args[1]; q.multipleTags() && c.text(tag) != "nil" {
			add("consulnaming.Tags(tags...)")
		} else if l, ok := tag.(*ast.BasicLit); !q.multipleTags() && (!ok || l.Value != `""`) {
			add("consulnaming.Tags(tag)")
		}
		switch passing := c.text(q.call.Args[2]); {
		case q.catalog() || passing == "false":
			add("consulnaming.PassingOnly(false)")
		case passing != "true":
			add("consulnaming.PassingOnly(only)")
		}
		if q.options.more || !q.options.known {
			add("consulnaming.QueryOptions(q)")
		}
	}
	if len(opts) == 0 {
		return "consulnaming.NewConsulResolver(address, service)"
	}
	return "consulnaming.New(client, service, " + strings.Join(opts, ", ") + ")"
}

// place says where the constructor belongs: where the resolver is made whose
// Resolve returns c, if that is in the file.
func (c *articleCopy) place() string {
	for _, d := range c.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "Resolve" || fn.Recv == nil || fn.Body == nil || fn.Type.Results.NumFields() != 2 {
			continue
		}
		if !c.isNaming(fn.Type.Results.List[0].Type, "Watcher") {
			continue
		}
		if r := receiver(fn); r == c.name || c.makes(fn.Body, true) {
			return "in the dial, in place of what makes the " + r
		}
	}
	return "in the dial, in place of the resolver whose Resolve returns it"
}

// makes says whether a c is made below n, or in a function that is called there.
func (c *articleCopy) makes(n ast.Node, called bool) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			id, ok := n.Type.(*ast.Ident)
			found = found || ok && id.Name == c.name
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "new" && len(n.Args) == 1 && c.text(n.Args[0]) == c.name {
				found = true
			}
			if fn := c.function(callee(n)); called && fn != nil && c.makes(fn.Body, false) {
				found = true
			}
		}
		return !found
	})
	return found
}

// isNext says whether fn is a Next as of a naming.Watcher.
func (f *file) isNext(fn *ast.FuncDecl) bool {
	t := fn.Type
	if fn.Name.Name != "Next" || fn.Body == nil || receiver(fn) == "" || t.Params.NumFields() != 0 || t.Results.NumFields() != 2 || len(t.Results.List) != 2 {
		return false
	}
	list, ok := t.Results.List[0].Type.(*ast.ArrayType)
	if !ok || list.Len != nil {
		return false
	}
	star, ok := list.Elt.(*ast.StarExpr)
	err, isName := t.Results.List[1].Type.(*ast.Ident)
	return ok && isName && err.Name == "error" && f.isNaming(star.X, "Update")
}

// isNaming says whether e is that name of package naming, be it grpc's or ours.
func (f *file) isNaming(e ast.Expr, name string) bool {
	if _, ok := e.(*ast.SelectorExpr); !ok {
		return false
	}
	r := f.refOf(e)
	return r.is(grpcNamingPath, name) || r.is(namingPath, name)
}

// methods are those that the file declares, by the name of their type.
func (f *file) methods() map[string]map[string]*ast.FuncDecl {
	all := make(map[string]map[string]*ast.FuncDecl)
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || receiver(fn) == "" {
			continue
		}
		of := receiver(fn)
		if all[of] == nil {
			all[of] = make(map[string]*ast.FuncDecl)
		}
		if all[of][fn.Name.Name] == nil {
			all[of][fn.Name.Name] = fn
		}
	}
	return all
}

// receiver is the name of the type that fn is a method of, "" for none.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	t := ast.Unparen(fn.Recv.List[0].Type)
	if star, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(star.X)
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// doesNothing says whether fn has nothing in it but comments, or a return.
func doesNothing(fn *ast.FuncDecl) bool {
	for _, s := range fn.Body.List {
		switch s := s.(type) {
		case *ast.EmptyStmt:
		case *ast.ReturnStmt:
			if len(s.Results) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}
