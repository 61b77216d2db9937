package etcd

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// table has a column for each run, and a row for each thing that was measured.
var table columns

type columns []column

type column struct {
	name string
	*result
	migrated time.Duration // how long the command took; 0 for none
}

func (c *columns) add(one column) { *c = append(*c, one) }

const tableHead = `# etcd's client of 2020 on a real etcd

A program that was written for etcd's clientv3 (testdata/etcd/program) puts, gets, watches and leases on three members of
etcd %s, as it was with the grpc-go of its time, and after one ` + "`grpcnaming migrate -w`" + ` with today's. Four
writers put, one put each 10 ms, and give each three seconds. The members are killed (SIGKILL) one after the other, and come
back on their data; then all. ` + "`make test-etcd`" + ` wrote this at %s, with %s on 2 cores.

A put that fails was under way when the member that it had been sent to, or the leader, was killed: how many there are is
chance. Its code is the same, and grpc-go's text for a lost connection another: clientv3.IsConnCanceled, which compares
texts, no longer takes one for canceled. Without a leader puts wait for the election.

`

var measures = []struct {
	name string
	of   func(column) string
}{
	{"grpc-go", func(c column) string { return c.grpc }},
	{"The command took", func(c column) string {
		if c.migrated == 0 {
			return "–"
		}
		return c.migrated.Round(time.Second).String()
	}},
	{"Puts", func(c column) string { return fmt.Sprint(c.puts) }},
	{"Two followers killed: puts that failed", func(c column) string { return c.followers.failures() }},
	{"longest gap of a writer", func(c column) string { return seconds(c.followers.Gap) }},
	{"all writers go on after", func(c column) string { return seconds(c.followers.goesOn) }},
	{"The leader killed: puts that failed", func(c column) string { return c.leader.failures() }},
	{"longest gap of a writer", func(c column) string { return seconds(c.leader.Gap) }},
	{"all writers go on after", func(c column) string { return seconds(c.leader.goesOn) }},
	{"A member that is back is used after", func(c column) string { return seconds(c.back) }},
	{"All three, after all were down", func(c column) string { return seconds(c.allBack) }},
	{"Events that the watch has missed", func(c column) string { return fmt.Sprint(c.unseen) }},
	{"The lease", func(c column) string {
		if c.lost != "" {
			return c.lost
		}
		return "kept"
	}},
	{"CPU for 1000 puts", func(c column) string { return fmt.Sprintf("%.2f s", c.cpu["1000 puts"]) }},
	{"CPU without puts, a member down", func(c column) string { return percent(c.cpu["a member down"]) }},
	{"CPU without puts, all down", func(c column) string { return percent(c.cpu["all down"]) }},
	{"Goroutines left after Close", func(c column) string { return fmt.Sprint(c.goroutines) }},
}

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }
func percent(s float64) string { return fmt.Sprintf("%.1f %%", 100*s) }

func (o outage) failures() string {
	var list []string
	for _, text := range slices.Sorted(maps.Keys(o.Failed)) {
		list = append(list, fmt.Sprintf("%d: %s", o.Failed[text], text))
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, "; ")
}

func (c columns) String() string {
	var b strings.Builder
	line := func(name string, cell func(column) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, one := range c {
			fmt.Fprintf(&b, " %s |", cell(one))
		}
		b.WriteString("\n")
	}
	line("", func(one column) string { return one.name })
	line("---", func(column) string { return "---" })
	for _, m := range measures {
		line(m.name, m.of)
	}
	b.WriteString("\nWhat calls fail with while no member runs:\n\n")
	line("", func(one column) string { return one.name })
	line("---", func(column) string { return "---" })
	if len(c) > 0 {
		for _, call := range slices.Sorted(maps.Keys(c[0].probes)) {
			line(call, func(one column) string { return strings.ReplaceAll(one.probes[call], "<nil>", "no error") })
		}
	}
	return b.String()
}

// write writes the table to the file, with the commit, unless a run is missing.
func (c columns) write(path string) error {
	if path == "" || len(c) < 2*len(clients) {
		return nil
	}
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return err
	}
	goVersion, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return err
	}
	head := fmt.Sprintf(tableHead, etcdVersion, strings.TrimSpace(string(commit)), strings.TrimSpace(string(goVersion)))
	return os.WriteFile(path, []byte(head+c.String()), 0o666)
}
