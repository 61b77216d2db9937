package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/perf/benchmath"
)

// summary is a median and its 95 % confidence interval, if there are values
// enough for one (six).
type summary struct {
	center, lo, hi float64
	n              int
}

func summarize(values []float64) summary {
	if len(values) == 0 {
		return summary{center: math.NaN(), lo: math.NaN(), hi: math.NaN()}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), 0.95)
	return summary{s.Center, s.Lo, s.Hi, len(values)}
}

// ratio is that of a to b, round by round: what slowed a round down has met both.
// Where the numbers of rounds differ it is the medians' ratio.
func ratio(a, b []float64) summary {
	if len(a) != len(b) {
		return ratioOfMedians(a, b)
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return summarize(ratios)
}

// ratioOfMedians is for values that are no pairs. Its interval is a bootstrap's:
// the ratios of as many values drawn from each, 1,000 times.
func ratioOfMedians(a, b []float64) summary {
	r := summary{summarize(a).center / summarize(b).center, math.Inf(-1), math.Inf(1), min(len(a), len(b))}
	if r.n < 6 {
		return r
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same report from the same values
	drawn := func(values []float64) float64 {
		list := make([]float64, len(values))
		for i := range list {
			list[i] = values[random.IntN(len(values))]
		}
		return quantile(list, 0.5)
	}
	ratios := make([]float64, 1000)
	for i := range ratios {
		ratios[i] = drawn(a) / drawn(b)
	}
	r.lo, r.hi = quantile(ratios, 0.025), quantile(ratios, 0.975)
	return r
}

func (s summary) known() bool { return !math.IsNaN(s.center) }

// bounded says whether there is an interval.
func (s summary) bounded() bool { return !math.IsInf(s.lo, 0) && !math.IsInf(s.hi, 0) }

// none stands for what was not measured.
const none = "–"

// as formats the median by format, and how far off it may be.
func (s summary) as(format func(float64) string) string {
	switch {
	case !s.known():
		return none
	case !s.bounded() || s.center == 0:
		return format(s.center)
	}
	off := math.Max(s.hi-s.center, s.center-s.lo) / math.Abs(s.center)
	return fmt.Sprintf("%s ± %.0f %%", format(s.center), 100*off)
}

// asRatio shows the interval itself.
func (s summary) asRatio() string {
	switch {
	case !s.known():
		return none
	case !s.bounded():
		return fine(s.center)
	}
	return fmt.Sprintf("%s [%s, %s]", fine(s.center), fine(s.lo), fine(s.hi))
}
