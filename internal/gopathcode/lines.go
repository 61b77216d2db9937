package gopathcode

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Gopkg.lock is TOML and glide.lock is YAML, but dep and glide write them, and
// in one way: a key or an element of a list on each line. So a few lines read
// them here instead of a dependency for each, and refuse what the tools do not
// write, such as the marks of a merge conflict.

// parseDep reads Gopkg.lock. dep quotes strings, and puts a list on one line or
// an element on each.
func parseDep(data []byte) ([]Locked, error) {
	var projects []map[string]string
	table, list := map[string]string{}, false
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case line == "":
		case list || ok && strings.HasPrefix(value, "["):
			list = !strings.HasSuffix(line, "]")
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			table = map[string]string{}
			if line == "[[projects]]" {
				projects = append(projects, table)
			}
		default:
			var err error
			if table[key], err = scalar(value); !ok || key == "" || err != nil {
				return nil, fmt.Errorf("line %d is not one that dep writes: %s", i+1, line)
			}
		}
	}
	if list {
		return nil, errors.New("it ends within a list")
	}
	return named(projects, "revision", "version", "source")
}

// parseGlide reads glide.lock. The entries of glide's lists have no maps, and no
// other lists than such of strings.
func parseGlide(data []byte) ([]Locked, error) {
	var repos []map[string]string
	entry, listed, dash := map[string]string{}, false, -1 // dash: the column of those before entries
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		text := strings.TrimSpace(line)
		column := len(line) - len(strings.TrimLeft(line, " "))
		element := strings.HasPrefix(text, "- ")
		if text == "" || text == "---" || element && dash >= 0 && column > dash {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(text, "- "), ":")
		switch {
		case element:
			entry, dash = map[string]string{}, column
			if listed {
				repos = append(repos, entry)
			}
		case column == 0:
			entry, dash = map[string]string{}, -1
			listed = slices.Contains([]string{"imports", "testImports", "devImports"}, key)
		}
		var err error
		if entry[strings.TrimSpace(key)], err = scalar(value); !ok || err != nil {
			return nil, fmt.Errorf("line %d is not one that glide writes: %s", i+1, text)
		}
	}
	return named(repos, "version", "", "repo") // glide's version is the commit
}

// named makes of entries what they have by the given keys.
func named(entries []map[string]string, revision, version, source string) (locked []Locked, err error) {
	for i, e := range entries {
		if e["name"] == "" {
			return nil, fmt.Errorf("entry %d has no name", i+1)
		}
		locked = append(locked, Locked{e["name"], e[revision], exact(e[version]), other(e[source], e["name"])})
	}
	return locked, nil
}

// glidePackage finds the one line of glide.yaml that matters. People write that
// file, so nothing is said of its other lines.
func glidePackage(data []byte) (string, error) {
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "package:"); ok {
			value, _, _ = strings.Cut(value, " #")
			return scalar(value)
		}
	}
	return "", nil
}

// scalar returns a value without its quotes. In YAML they are around what would
// else be a number, as a commit may be.
func scalar(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case strings.HasPrefix(value, `"`):
		return strconv.Unquote(value)
	case len(value) > 1 && value[0] == '\'' && value[len(value)-1] == '\'':
		return value[1 : len(value)-1], nil
	case strings.HasPrefix(value, "'"):
		return "", strconv.ErrSyntax
	}
	return value, nil
}
