package main

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// data is what a run has measured.
type data struct {
	config map[string]string
	points []*point
}

// point is one benchmark at one size: its values round by round, for each unit.
type point struct {
	bench  string
	keys   []string // "impl=ours", ..., and "cpu=2"
	values map[string][]float64
}

// read reads what the driver has written.
func read(r io.Reader, name string) (*data, error) {
	d := &data{config: make(map[string]string)}
	byName := make(map[string]*point)
	for reader := benchfmt.NewReader(r, name); ; {
		if !reader.Scan() {
			return d, reader.Err()
		}
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			for _, c := range record.Config {
				d.config[c.Key] = string(c.Value)
			}
			p := byName[record.Name.String()]
			if p == nil {
				p = newPoint(record.Name)
				byName[record.Name.String()] = p
				d.points = append(d.points, p)
			}
			for _, v := range record.Values {
				value, unit := v.Value, v.Unit
				if v.OrigUnit != "" { // benchfmt has tidied "ns/op" to "sec/op"
					value, unit = v.OrigValue, v.OrigUnit
				}
				p.values[unit] = append(p.values[unit], value)
			}
		}
	}
}

func newPoint(name benchfmt.Name) *point {
	base, parts := name.Parts()
	p := &point{bench: string(base), values: make(map[string][]float64)}
	cpu := "cpu=1"
	for _, part := range parts {
		text := string(part)
		if strings.HasPrefix(text, "-") {
			cpu = "cpu=" + text[1:]
		} else {
			p.keys = append(p.keys, strings.TrimPrefix(text, "/"))
		}
	}
	p.keys = append(p.keys, cpu)
	return p
}

// of returns the values of a benchmark whose name has each of keys, nil if there
// is none.
func (d *data) of(unit, bench string, keys ...string) []float64 {
	for _, p := range d.points {
		if p.bench == bench && containsAll(p.keys, keys) {
			return p.values[unit]
		}
	}
	return nil
}

func containsAll(list, wanted []string) bool {
	have := make(map[string]bool)
	for _, s := range list {
		have[s] = true
	}
	for _, s := range wanted {
		if !have[s] {
			return false
		}
	}
	return true
}

func key(name string, value any) string { return fmt.Sprintf("%s=%v", name, value) }
