package main

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// logTicks are the marks of a logarithmic axis: labels at powers of ten and, where
// few of those are in sight, at twice and five times them.
type logTicks struct{}

func (logTicks) Ticks(from, to float64) (ticks []plot.Tick) {
	few := to/from < 1000
	for e := math.Floor(math.Log10(from)); e <= math.Ceil(math.Log10(to)); e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < from || v > to {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 || few && (m == 2 || m == 5) {
				t.Label = strconv.FormatFloat(v, 'g', 3, 64)
				if v >= 1 {
					t.Label = group(v)
				}
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}
