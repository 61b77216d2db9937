package program

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A Build says whether a module builds, tests included.
type Build struct {
	GRPC     string     `json:"grpc"`
	OK       bool       `json:"ok"`
	Failures []*Failure `json:"failures,omitempty"`
	// BuildsWith is the newest grpc-go that the module does build with.
	BuildsWith string `json:"buildsWith,omitempty"`
}

// A Failure is a package that does not compile.
type Failure struct {
	Package string `json:"package"`
	Module  string `json:"module"`  // with its version
	Text    string `json:"text"`    // of the go command
	Concern bool   `json:"concern"` // of this command, as it is about grpc-go
	Write   string `json:"write"`   // what to do about it, or whose it is

	module *modInfo
}

// concern says whether anything that fails is of this command's.
func (b *Build) concern() bool {
	return slices.ContainsFunc(b.Failures, func(f *Failure) bool { return f.Concern })
}

// build builds the module as the stage has it.
func (p *plan) build(ctx context.Context) (*Build, error) {
	return p.buildBy(ctx, func(args ...string) (string, error) { return p.goRun(ctx, args...) })
}

// compileTests is what has go vet compile tests. It runs one analyzer, as it needs one.
var compileTests = []string{"vet", "-nilfunc"}

// buildBy builds all packages and links the commands, and compiles the tests. What
// cannot be loaded is left out of that, and fails by itself.
func (p *plan) buildBy(ctx context.Context, run func(args ...string) (string, error)) (*Build, error) {
	b := &Build{GRPC: p.mod.GRPC}
	b.Failures = p.unloadable()
	bin := p.stage.temp("bin")
	if err := os.MkdirAll(bin, 0o777); err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	build := []string{"build"}
	whole, withTests, commands := p.loadable()
	if commands {
		build = append(build, "-o", bin+string(filepath.Separator))
	}
	for _, c := range []struct{ args, packages []string }{{build, whole}, {compileTests, withTests}} {
		if len(c.packages) == 0 {
			continue
		}
		_, err := run(append(slices.Clip(c.args), c.packages...)...)
		var failed *goError
		if err != nil && !errors.As(err, &failed) {
			return nil, err
		}
		if failed != nil {
			b.add(p.failures(failed.text))
		}
	}
	b.OK = len(b.Failures) == 0
	for _, f := range b.Failures {
		p.judge(f)
		for _, c := range p.mod.Forks {
			f.Text = strings.ReplaceAll(f.Text, c.staged, c.Dir)
			if rel, err := filepath.Rel(p.root, c.staged); err == nil {
				f.Text = strings.ReplaceAll(f.Text, rel, c.Dir)
			}
		}
	}
	return b, nil
}

// loadable returns the module's packages that have all that they import, those
// whose tests have too, and whether there are commands among them.
func (p *plan) loadable() (whole, withTests []string, commands bool) {
	all := true
	for _, k := range p.graph.main {
		if k.Error != nil {
			continue // see unloadable
		}
		if p.lacking(k.Imports) != nil {
			all = false
			continue
		}
		whole = append(whole, k.ImportPath)
		commands = commands || k.Name == "main"
		if p.lacking(slices.Concat(k.TestImports, k.XTestImports)) != nil {
			all = false
			continue
		}
		withTests = append(withTests, k.ImportPath)
	}
	if all && len(whole) > 0 {
		return []string{"./..."}, []string{"./..."}, commands
	}
	return whole, withTests, commands
}

// lacking returns the packages that paths lead to and that cannot be loaded.
func (p *plan) lacking(paths []string) (missing []*pkg) {
	set := make(map[string]bool)
	p.graph.close(set, paths...)
	for path := range set {
		if k := p.graph.pkgs[path]; k != nil && k.Error != nil {
			missing = append(missing, k)
		}
	}
	return missing
}

// unloadable returns the packages that import one that cannot be found, and the
// module's own that cannot be loaded for another reason than the platform.
func (p *plan) unloadable() (failures []*Failure) {
	for _, k := range p.graph.main {
		if k.Error != nil && !strings.Contains(k.Error.Err, "build constraints exclude all Go files") {
			failures = append(failures, &Failure{Package: k.ImportPath, module: k.Module, Text: strings.TrimSpace(k.Error.Pos + " " + k.Error.Err)})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(p.graph.built)) {
		k := p.graph.pkgs[path]
		if k == nil {
			continue
		}
		imports := k.Imports
		if k.Module != nil && k.Module.Main {
			imports = slices.Concat(imports, k.TestImports, k.XTestImports)
		}
		for _, i := range imports {
			if bad := p.graph.pkgs[i]; bad != nil && bad.Error != nil {
				failures = append(failures, &Failure{Package: path, module: k.Module, Text: "imports " + i + ": " + strings.TrimSpace(bad.Error.Err)})
				break
			}
		}
	}
	return failures
}

// failures reads what the go command says of packages that do not compile: a
// line "# path", with or without a test in brackets, and then what is wrong.
func (p *plan) failures(text string) (failures []*Failure) {
	var last *Failure
	for line := range strings.Lines(p.stage.named(text, p.root)) {
		if header, ok := strings.CutPrefix(line, "# "); ok {
			path, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(header), "[]"), " ")
			path = strings.TrimSuffix(path, ".test")
			if last != nil && last.Package == path {
				continue // go vet says it twice
			}
			last = &Failure{Package: path}
			if k := p.graph.pkgs[strings.TrimSuffix(path, "_test")]; k != nil {
				last.module = k.Module
			}
			failures = append(failures, last)
			continue
		}
		if line = strings.TrimPrefix(strings.TrimPrefix(line, "vet: "), "./"); last != nil {
			last.Text += line
		} else if strings.TrimSpace(line) != "" {
			last = &Failure{Package: p.mod.Path, Text: line}
			failures = append(failures, last)
		}
	}
	return failures
}

// add adds failures of packages that have none yet.
func (b *Build) add(failures []*Failure) {
	for _, f := range failures {
		if !slices.ContainsFunc(b.Failures, func(have *Failure) bool { return have.Package == f.Package }) {
			b.Failures = append(b.Failures, f)
		}
	}
}

// judge decides whether a failure is about grpc-go, and says what to do.
func (p *plan) judge(f *Failure) {
	f.Text = strings.TrimSpace(f.Text)
	if f.module != nil {
		f.Module = f.module.at()
	}
	own := f.module == nil || f.module.Main
	for mod, why := range p.stubs {
		if path, _, _ := strings.Cut(mod, "@"); strings.Contains(f.Text, "imports "+path) {
			f.Write = fmt.Sprintf("%s cannot be had (%s): not about grpc-go; it needs a copy, or another module in its place", mod, why)
			return
		}
	}
	if path, _, _ := strings.Cut(strings.TrimPrefix(f.Text, "imports "), ": "); path != f.Text {
		if module, dir := p.narrow(path); module != "" {
			f.Concern = true
			f.Write = fmt.Sprintf("the copy of %s in %s was made when nothing needed this package: delete that directory, type go mod edit -dropreplace=%[1]s, and run grpcnaming migrate -w again", module, p.opts.show(dir))
			return
		}
	}
	f.Concern = p.aboutGRPC(f.Text)
	switch {
	case !f.Concern && own:
		f.Write = "not about grpc-go: mend it as the line says"
	case !f.Concern:
		f.Write = "not about grpc-go: it needs another version of " + f.Module + ", or of what it does not compile with"
	case own:
		f.Write = "see what is reported for the file, or docs/names.md"
		for _, r := range slices.Concat(p.own.Reports, p.reports) {
			if p.explains(r, f.Text) {
				f.Write = r.Write
			}
		}
	case p.forkOf(f.module) != nil:
		f.Write = "see what is reported for the copy in " + p.forkOf(f.module).Dir + ", and mend it there"
	default:
		f.Write = "require a version of " + f.Module + " that compiles with grpc-go " + p.mod.GRPC + ", or mend a copy of it"
	}
}

// explains says whether a report is about what the go command says: by its line,
// unless the file has other lines by now, or by the name that is gone.
func (p *plan) explains(r migrate.Report, text string) bool {
	base := filepath.Base(r.File)
	for line := range strings.Lines(text) {
		changed := slices.ContainsFunc(p.own.Files, func(f *migrate.Result) bool { return f.Name == r.File })
		if !changed && strings.Contains(line, base+":"+strconv.Itoa(r.Line)+":") {
			return true
		}
		if m := undefined.FindStringSubmatch(line); m != nil && strings.Contains(line, base+":") && strings.HasPrefix(r.Reason, m[1]+" ") {
			return true
		}
	}
	return false
}

var undefined = regexp.MustCompile(`undefined: (\S+)`)

var place = regexp.MustCompile(`^(\S+\.go):(\d+):(?:\d+:)? `)

// aboutGRPC says whether what the go command says is about grpc-go: it names
// grpc-go, this module, or a package of theirs by the name that the file has
// for it.
func (p *plan) aboutGRPC(text string) bool {
	if strings.Contains(text, grpcPath) || strings.Contains(text, migrate.Module) || strings.Contains(text, "google.golang.org/genproto") {
		return true
	}
	for line := range strings.Lines(text) {
		m := place.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		file := m[1]
		if !filepath.IsAbs(file) {
			file = filepath.Join(p.root, file)
		}
		f, err := parser.ParseFile(token.NewFileSet(), p.stage.path(file), nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil || !within(path, grpcPath) && !within(path, migrate.Module) {
				continue
			}
			name := path[strings.LastIndex(path, "/")+1:]
			if i.Name != nil {
				name = i.Name.Name
			}
			if regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\.`).MatchString(line[len(m[0]):]) {
				return true
			}
		}
	}
	return false
}
