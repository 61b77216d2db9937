// Command report writes docs/bench.md and its plots from what testdata/bench/run
// has measured. It is started in testdata/bench, by make bench-report.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	in := flag.String("in", "../../bench-out/bench.txt", "what was measured")
	out := flag.String("out", "../../docs", "directory for bench.md and bench/*.svg")
	flag.Parse()
	if err := write(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func write(in, out string) error {
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := read(f, in)
	if err != nil {
		return err
	}
	plots := filepath.Join(out, "bench")
	if err := os.MkdirAll(plots, 0o777); err != nil {
		return err
	}
	if err := d.plots(plots); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "bench.md"), []byte(d.page()), 0o666)
}
