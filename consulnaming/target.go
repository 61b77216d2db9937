package consulnaming

// What a target of the scheme "consul" says. Build calls it. What is known of each
// parameter is in parameters.go.

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// target is "consul://user:password@host:port/service?parameter=value".
type target struct {
	shown   string  // for errors: without secrets
	hidden  secrets // that an error could show
	service string
	agent   agentConfig
	tags    []string
	options []Option // of the parameters

	given                     map[string]string // what a parameter sets: its name in the target
	stale, cached, consistent bool
}

// parseTarget reads what grpc has made of a target. Its error names the part that is
// wrong, and has no secret in it.
func parseTarget(u *url.URL) (*target, error) {
	t := &target{agent: agentConfig{address: u.Host, user: u.User}, given: make(map[string]string)}
	t.hidden = append(t.agent.secrets(), addressSecrets(u.Opaque)...)
	t.hidden = append(t.hidden, addressSecrets(strings.TrimPrefix(u.Path, "/"))...)
	for raw := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value, _ := strings.Cut(raw, "="); strings.EqualFold(plain(name), "token") {
			t.hidden = append(t.hidden, value, plain(value))
		}
	}
	t.shown = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath, Opaque: u.Opaque}).String()
	if err := t.parse(u); err != nil {
		return nil, t.errorOf(err)
	}
	return t, nil
}

// plain is text without escapes, or as it is if they are wrong.
func plain(text string) string {
	if p, err := url.QueryUnescape(text); err == nil {
		return p
	}
	return text
}

// errorOf is an error about the target. It does not wrap err, which may have a secret.
func (t *target) errorOf(err error) error {
	return fmt.Errorf("consulnaming: target %s", cut(oneLine(t.hidden.hide(fmt.Sprintf("%q: %v", t.shown, err))), 2*errorLength))
}

func (t *target) parse(u *url.URL) error {
	path := strings.TrimLeft(u.EscapedPath(), "/")
	switch {
	case u.Opaque != "":
		return errors.New("it has no slashes; write consul:///service")
	case path == "" && u.Host != "":
		return errors.New("it names an agent and no service; write consul:///service, or consul://host:port/service")
	case path == "":
		return errors.New("it names no service; write consul:///service")
	case strings.Contains(path, "/"):
		return errors.New("there is a slash in the service's name; write consul://host:port/service, and %2F for a slash that belongs to the name")
	case u.Fragment != "":
		return errors.New("there is a # in it; write %23 for one that belongs to a name or value")
	}
	var err error
	if t.service, err = url.PathUnescape(path); err != nil {
		return errors.New("the service's name is not escaped as in a URL; write %25 for a %")
	}
	for raw := range strings.SplitSeq(u.RawQuery, "&") {
		if raw == "" {
			continue
		}
		if err := t.parameter(raw); err != nil {
			return err
		}
	}
	if t.consistent && (t.stale || t.cached) {
		return errors.New("parameter \"consistent\" excludes \"stale\" and \"cached\"; write one of them")
	}
	if t.given["tags"] != "" {
		t.options = append(t.options, Tags(t.tags...))
	}
	return nil
}

// parameter reads "name=value", or "name", which is name=true.
func (t *target) parameter(raw string) error {
	escaped, value, hasValue := strings.Cut(raw, "=")
	name, err := url.QueryUnescape(escaped)
	if err != nil {
		return fmt.Errorf("parameter %q: its name is not escaped as in a URL; write %%25 for a %%", escaped)
	}
	p, ok := parameters[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("unknown parameter %q; there are %s", name, parameterNames())
	}
	if value, err = url.QueryUnescape(value); err != nil {
		return fmt.Errorf("parameter %q: its value is not escaped as in a URL; write %%25 for a %%", name)
	}
	if other, again := t.given[p.sets]; again && p.sets != "tags" {
		return fmt.Errorf("parameters %q and %q say the same thing twice; write one of them", other, name)
	}
	t.given[p.sets] = name
	if !hasValue {
		if p.bare == "" {
			return fmt.Errorf("parameter %q has no value; write %s= and one", name, name)
		}
		value = p.bare
	}
	if err := p.set(t, value); err != nil {
		return fmt.Errorf("parameter %q: %w", name, err)
	}
	return nil
}
