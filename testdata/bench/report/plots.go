package main

import (
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// line is one implementation in a plot.
type line struct {
	name string
	xys  plotter.XYs
}

// draw writes an SVG. Lines without points are left out, and a plot without lines
// is not written.
func draw(path, title, x, y string, logY bool, lines ...line) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	if logY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	} else {
		p.Y.Min = 0 // a distribution
	}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(3)
	p.Add(plotter.NewGrid())
	var drawn []any
	for _, l := range lines {
		if len(l.xys) > 0 {
			drawn = append(drawn, l.name, l.xys)
		}
	}
	if len(drawn) == 0 {
		return nil
	}
	add := plotutil.AddLinePoints
	if !logY {
		add = plotutil.AddLines // a distribution has too many points
	}
	if err := add(p, drawn...); err != nil {
		return err
	}
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, path)
}

// plots draws all of them into dir.
func (d *data) plots(dir string) error {
	var fold, cpu, memory, moves, latency []line
	for _, impl := range []string{"ours", "v1291"} {
		for _, batching := range []string{"single", "one"} {
			l := line{name: implNames[impl] + ", " + map[string]string{"single": "single batches", "one": "one batch"}[batching]}
			for _, n := range foldCounts {
				l.add(n, d.fold("ns/op", impl, batching, n), 1e-6)
			}
			fold = append(fold, l)
		}
	}
	for _, c := range []struct{ bench, impl, name string }{
		{"Conns", "ours", "ClientConns, grpcnaming"}, {"Conns", "article", "ClientConns, the article"}, {"Conns", "native", "ClientConns, native, one query"},
		{"Watchers", "ours", "watchers, grpcnaming"}, {"Watchers", "article", "watchers, the article"},
	} {
		l, m := line{name: c.name}, line{name: c.name}
		for _, n := range clientCounts {
			l.add(n, d.clients("cpu-ns/op", c.bench, c.impl, n), 1e-6)
			m.add(n, d.clients("B/client", c.bench, c.impl, n), 1e-6*float64(n))
		}
		cpu, memory = append(cpu, l), append(memory, m)
	}
	for _, event := range []string{"register", "deregister"} {
		for _, impl := range []string{"ours", "native"} {
			name := map[string]string{"ours": "grpcnaming", "native": "hand-written"}[impl]
			moves = append(moves, distribution(event+", "+name, d.propagation(event, impl)))
		}
	}
	for _, impl := range []string{"ours", "native", "v1291"} {
		latency = append(latency, d.quantiles(impl))
	}
	for _, p := range []struct {
		name, title, x, y string
		logY              bool
		lines             []line
	}{
		{"fold", "Folding Adds", "Adds", "ms", true, fold},
		{"cpu", "CPU per change of one of 1,000 instances", "clients in the process", "ms", true, cpu},
		{"memory", "Memory with 1,000 instances", "clients in the process", "MB", true, memory},
		{"propagation", "From Consul to RPCs", "ms", "part of events", false, moves},
		{"rpc", "Latency of RPCs, 3 backends, 1 caller", "µs", "part of RPCs", false, latency},
	} {
		if err := draw(filepath.Join(dir, p.name+".svg"), p.title, p.x, p.y, p.logY, p.lines...); err != nil {
			return err
		}
	}
	return nil
}

func (l *line) add(x int, values []float64, scale float64) {
	if s := summarize(values); s.known() && s.center > 0 {
		l.xys = append(l.xys, plotter.XY{X: float64(x), Y: s.center * scale})
	}
}

// distribution takes nanoseconds.
func distribution(name string, values []float64) line {
	l := line{name: name}
	for i, v := range slices.Sorted(slices.Values(values)) {
		// A logarithmic axis has no place for what has taken no time.
		l.xys = append(l.xys, plotter.XY{X: max(v, 1) / 1e6, Y: float64(i+1) / float64(len(values))})
	}
	return l
}

func (d *data) quantiles(impl string) line {
	l := line{name: implNames[impl]}
	for _, q := range []struct {
		unit string
		part float64
	}{{"p10-ns", 0.1}, {"p50-ns", 0.5}, {"p90-ns", 0.9}, {"p99-ns", 0.99}, {"p99.9-ns", 0.999}} {
		if s := summarize(d.rpc(q.unit, impl, 3, 1)); s.known() {
			l.xys = append(l.xys, plotter.XY{X: s.center / 1e3, Y: q.part})
		}
	}
	return l
}
