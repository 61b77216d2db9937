package consulnaming

// What fmt prints of a resolver or watcher, and texts for a line of the log. Any
// goroutine may call it.

import (
	"fmt"
	"strings"
	"unicode"
)

// Format says what r watches, for every verb of package fmt: the fields would
// show the token of [QueryOptions].
func (r *namingResolver) Format(f fmt.State, _ rune) {
	agent := addressSecrets(r.agent.address).hide(r.agent.address)
	switch {
	case r.given:
		agent = "of the given client"
	case agent == "":
		agent = "of the environment"
	}
	fmt.Fprintf(f, "consulnaming resolver (service %q, agent %s)", r.service, agent)
}

// Format says what f watches. It may be called at any time.
func (f *follower) Format(s fmt.State, _ rune) {
	f.mu.Lock()
	q := f.query
	f.mu.Unlock()
	fmt.Fprintf(s, "consulnaming watcher (service %q, %s)", q.service, q.agent)
}

// oneLine is text without control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// cut returns the first n bytes of text, and "..." if there are more.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
