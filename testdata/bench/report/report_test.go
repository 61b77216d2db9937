package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A whole run, of two rounds, becomes a page without gaps and all plots.
func TestReport(t *testing.T) {
	out := t.TempDir()
	if err := write("testdata/bench.txt", out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(out, "bench.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{none, "NaN", "Inf", "%!", "not measured"} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("the page has a %q:\n%s", bad, page)
		}
	}
	for _, want := range []string{"Intel(R) Xeon(R)", "0123456789ab", "2 cores", "grpc-go v1.85.0", "Consul v1.22.3"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, name := range []string{"fold", "cpu", "memory", "propagation", "rpc"} {
		svg, err := os.ReadFile(filepath.Join(out, "bench", name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(svg, []byte("<svg")) || !bytes.Contains(svg, []byte("grpcnaming")) {
			t.Errorf("%s.svg does not draw grpcnaming", name)
		}
		if !bytes.Contains(page, []byte("bench/"+name+".svg")) {
			t.Errorf("the page does not show %s.svg", name)
		}
	}
}

// What was stopped, or left out, is said to be so.
func TestReportWithGaps(t *testing.T) {
	d, err := read(strings.NewReader("cores: 2\nBenchmarkFold/impl=ours/batch=single/adds=100000-2 1 7 ns/op\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	page := d.page()
	if !strings.Contains(page, "| 7 ns | over a minute |") || !strings.Contains(page, "| "+none+" | not measured |") {
		t.Errorf("%s", page)
	}
}

func TestExpected(t *testing.T) {
	text := ""
	for _, ours := range []string{"204", "206", "190", "205", "207", "203"} { // the third round is a slow one for both
		article := map[string]string{"190": "200"}[ours]
		if article == "" {
			article = "400"
		}
		text += "BenchmarkNext/impl=ours-2 1 " + ours + " B/op\nBenchmarkNext/impl=article-2 1 " + article + " B/op\n"
	}
	d, err := read(strings.NewReader(text), "")
	if err != nil {
		t.Fatal(err)
	}
	want := "| Next at 5,000 instances, bytes, ours : article | at most 0.55 | 0.514 [0.507, 0.950] | holds |"
	if got := d.expectedTable().String(); !strings.Contains(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestRatio(t *testing.T) {
	a, b := []float64{1, 20, 3}, []float64{2, 10, 6}
	if r := ratio(a, b); r.center != 0.5 {
		t.Errorf("ratio %v, want that of the pairs", r.center)
	}
	if r := ratio(a, b[:2]); r.center != 3.0/6 { // median 3, and of two values their mean
		t.Errorf("ratio %v, want that of the medians", r.center)
	}
	if !math.IsNaN(ratio(nil, b).center) {
		t.Error("nothing has a ratio")
	}
	many := []float64{1, 2, 3, 4, 5, 6, 7}
	if r := ratioOfMedians(many, many); r.center != 1 || !r.bounded() || r.lo >= 1 || r.hi <= 1 {
		t.Errorf("%+v, want 1 in an interval", r)
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		duration(1234):        "1.23 µs",
		duration(0):           "0 ns",
		duration(58196643790): "58.2 s",
		size(12_554_720):      "12.6 MB",
		rate(115_845_885):     "116 M/s",
		digits(1234.4):        "1,234",
		digits(0.0123):        "0.012",
		digits(1.0496):        "1.05",
		count(205229):         "205,229",
		count(0.5):            "0.5",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLogTicks(t *testing.T) {
	labels := func(from, to float64) (list []string) {
		for _, tick := range (logTicks{}).Ticks(from, to) {
			if tick.Label != "" {
				list = append(list, tick.Label)
			}
		}
		return list
	}
	if got := strings.Join(labels(0.3, 20), " "); got != "0.5 1 2 5 10 20" {
		t.Errorf("labels %s", got)
	}
	if got := strings.Join(labels(1, 100_000), " "); got != "1 10 100 1,000 10,000 100,000" {
		t.Errorf("labels %s", got)
	}
}
