package faults

import (
	"bytes"
	"fmt"
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// draw writes an SVG of panels one above the other, with times of faults shaded.
func (s *samples) draw(path string) error {
	last := s.all[len(s.all)-1]
	panels := []struct {
		y    string
		line func(sample) float64
	}{
		{"goroutines", func(one sample) float64 { return float64(one.goroutines) }},
		{"heap, MB", func(one sample) float64 { return float64(one.heap) / 1e6 }},
		{fmt.Sprintf("RPCs failed of %d", last.sent), func(one sample) float64 { return float64(one.failed) }},
		{"set divergence", func(one sample) float64 { return float64(one.diverging) }},
	}
	unit, name := time.Second, "seconds"
	if last.at > 3*time.Minute {
		unit, name = time.Minute, "minutes"
	}
	plots := make([][]*plot.Plot, len(panels))
	for i, panel := range panels {
		p := plot.New()
		p.Y.Label.Text = panel.y
		p.X.Min, p.X.Max = 0, float64(last.at)/float64(unit)
		line := make(plotter.XYs, len(s.all))
		top := 1.0
		for j, one := range s.all {
			line[j] = plotter.XY{X: float64(one.at) / float64(unit), Y: panel.line(one)}
			top = max(top, line[j].Y*1.1)
		}
		for _, f := range s.faults {
			shade, err := plotter.NewPolygon(plotter.XYs{
				{X: float64(f.from) / float64(unit), Y: 0}, {X: float64(f.from) / float64(unit), Y: top},
				{X: float64(f.to) / float64(unit), Y: top}, {X: float64(f.to) / float64(unit), Y: 0},
			})
			if err != nil {
				return err
			}
			shade.Color, shade.LineStyle.Width = color.Gray{225}, 0
			p.Add(shade)
		}
		if err := plotutil.AddLines(p, line); err != nil {
			return err
		}
		p.Y.Min, p.Y.Max = 0, top
		if i == 0 {
			p.Title.Text = fmt.Sprintf("%v of churn; faults are shaded", last.at.Round(time.Second))
		}
		if i == len(panels)-1 {
			p.X.Label.Text = name
		}
		plots[i] = []*plot.Plot{p}
	}
	canvas := vgsvg.New(20*vg.Centimeter, 22*vg.Centimeter)
	tiles := draw.Tiles{Rows: len(panels), Cols: 1, PadY: vg.Points(6), PadLeft: vg.Points(4), PadRight: vg.Points(8), PadTop: vg.Points(4), PadBottom: vg.Points(4)}
	for i, row := range plot.Align(plots, tiles, draw.New(canvas)) {
		plots[i][0].Draw(row[0])
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}
