package program

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A goCommand runs the go command in the user's environment.
type goCommand struct {
	env      []string           // besides
	progress func(doing string) // told what is downloaded; may be nil
}

// A goError is what the go command said before it failed.
type goError struct {
	verb, text string
}

func (e *goError) Error() string { return "go " + e.verb + ": " + strings.TrimSpace(e.text) }

// run returns what the go command prints to its standard output. What it says
// on standard error, but for downloads, is the text of a *goError.
func (g *goCommand) run(ctx context.Context, dir string, args ...string) (stdout string, err error) {
	if g.progress != nil {
		g.progress("go " + strings.Join(shown(args), " "))
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = dir
	// GO111MODULE=off is left over in environments of the age of this code.
	c.Env = append(append(os.Environ(), "GO111MODULE=on", "PWD="+dir), g.env...)
	var out, errs bytes.Buffer
	c.Stdout = &out
	pipe, err := c.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", fmt.Errorf("the go command is needed to look at dependencies: %w", err)
	}
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if doing, ok := strings.CutPrefix(line, "go: "); ok && (strings.HasPrefix(doing, "downloading ") || strings.HasPrefix(doing, "finding ") || strings.HasPrefix(doing, "found ")) {
			if g.progress != nil {
				g.progress(strings.TrimSpace(doing))
			}
		} else {
			errs.WriteString(line)
		}
		if err != nil {
			break
		}
	}
	if err := c.Wait(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return out.String(), &goError{strings.Join(verb(args), " "), errs.String()}
	}
	return out.String(), nil
}

// verb is what to call a go command in a message.
func verb(args []string) []string {
	if args[0] == "mod" && len(args) > 1 {
		return args[:2]
	}
	return args[:1]
}

// shown are the arguments without what is the same each time, and long.
func shown(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		return strings.HasPrefix(arg, "-modfile=") || strings.HasPrefix(arg, "-overlay=") || strings.HasPrefix(arg, "-json=")
	})
}
