package main

import (
	"fmt"
	"math"
	"strconv"
)

// digits has three of them, and none behind the point that are not significant.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return group(math.Round(v))
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1 || a == 0:
		return fmt.Sprintf("%.3g", math.Round(v*1000)/1000)
	}
	return fmt.Sprintf("%.2g", v)
}

// fine is for ratios, where a hundredth decides.
func fine(v float64) string {
	if a := math.Abs(v); a >= 10 || a < 0.1 || v == math.Trunc(v) {
		return digits(v)
	}
	return fmt.Sprintf("%.3f", v)
}

// group puts commas between thousands.
func group(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is a whole number, or nearly one.
func count(v float64) string {
	if v == math.Trunc(v) {
		return group(v)
	}
	return digits(v)
}

// duration takes nanoseconds.
func duration(ns float64) string {
	return scaled(ns, 1000, "ns", "µs", "ms", "s")
}

// size takes bytes.
func size(b float64) string { return scaled(b, 1000, "B", "kB", "MB", "GB") }

func scaled(v, step float64, units ...string) string {
	i := 0
	for ; i < len(units)-1 && math.Abs(v) >= step; i++ {
		v /= step
	}
	return digits(v) + " " + units[i]
}

// rate takes how many there are in a second.
func rate(v float64) string { return scaled(v, 1000, "/s", "k/s", "M/s") }

// inverse turns times in nanoseconds into rates.
func inverse(ns []float64) []float64 {
	rates := make([]float64, len(ns))
	for i, v := range ns {
		rates[i] = 1e9 / v
	}
	return rates
}
