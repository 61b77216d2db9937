package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// resolving does what needs the module graph, again after it has dealt with
// what is in the way: a module that the proxy does not have is replaced by an
// empty one, for the rest to be seen; and of a module whose newest version,
// which the go command takes for a package that nothing provides, asks for a
// newer Go, the newest is required that does not.
func (p *plan) resolving(ctx context.Context, do func() error) error {
	for {
		err := do()
		var failed *goError
		if !errors.As(err, &failed) {
			return err
		}
		if m := newerGo.FindStringSubmatch(failed.text); m != nil && !p.capped[m[1]] {
			p.capped[m[1]] = true
			v, err := p.newestFor(ctx, m[1])
			if err != nil {
				return err
			}
			if v != "" {
				if _, err := p.edit(func(g *goMod) { g.require(m[1], v, true) }); err != nil {
					return err
				}
				continue
			}
		}
		lacking, why := notServed(failed.text)
		if lacking == "" || p.stubs[lacking] != "" {
			return err
		}
		if err := p.stub(lacking, why); err != nil {
			return err
		}
	}
}

var (
	newerGo  = regexp.MustCompile(`(\S+)@v\S+ requires go >= `)
	unserved = regexp.MustCompile(`(\S+)@(v\S+): ((?:reading|invalid version|unrecognized import path|unknown revision|parsing|verifying|module declares).*)`)
	answered = regexp.MustCompile(`\b40[134]\b|\b410\b|checksum mismatch|no such file or directory|unknown revision|invalid version|unrecognized import path|not found|declares its path`)
)

// notServed finds in what the go command says the module that the proxy, or
// the server of its repository, answers not to have.
func notServed(text string) (mod, why string) {
	for line := range strings.Lines(text) {
		if m := unserved.FindStringSubmatch(line); m != nil && answered.MatchString(text) {
			return m[1] + "@" + m[2], strings.TrimSpace(m[3])
		}
	}
	return "", ""
}

func (p *plan) stub(mod, why string) error {
	path, version, _ := strings.Cut(mod, "@")
	dir := p.stage.temp("stub")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+path+"\n"), 0o666); err != nil {
		return err
	}
	p.stubs[mod] = why
	_, err := p.edit(func(g *goMod) { g.file.AddReplace(path, version, dir, "") })
	return err
}

// dropStubs takes the replace directives of stub out again.
func (p *plan) dropStubs() error {
	if len(p.stubs) == 0 {
		return nil
	}
	_, err := p.edit(func(g *goMod) {
		for mod := range p.stubs {
			path, version, _ := strings.Cut(mod, "@")
			g.file.DropReplace(path, version)
		}
	})
	return err
}
