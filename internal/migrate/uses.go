package migrate

import "slices"

// Uses says where a file uses what grpc-go removed: what the rewrites would
// rewrite, and what they would report. An import of [Removed] alone is not
// among them, as another module takes its place. A file that does not parse
// uses nothing.
func Uses(name string, src []byte) (rewritten []Site, reported []Report) {
	r, err := rewrite(name, src, Options{KeepIdle: true})
	if err != nil {
		return nil, nil
	}
	rewritten = slices.DeleteFunc(r.sites, func(s Site) bool { return s.Name == Removed })
	reported = slices.DeleteFunc(r.Reports, func(r Report) bool { return r.Note || r.Link == LinkRead })
	return rewritten, reported
}

// needy says whether the result imports this module, or what it replaces.
func (r *Result) needy() bool {
	return slices.ContainsFunc(r.imports, func(path string) bool {
		return within(path, Module) || path == Removed
	})
}
