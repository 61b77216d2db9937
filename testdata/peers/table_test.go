package peers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// table has a row for each client.
type table struct {
	title, about string
	columns      []column

	mu    sync.Mutex // guards cells
	cells map[string]map[string]cell
}

// column is something that is measured. Of numbers less is better.
type column struct {
	name   string
	format func(float64) string // nil for text
	total  bool                 // all processes count, not the median one
	why    string               // that another client may be better here
}

// cell is what the processes of one client have given.
type cell struct {
	numbers []float64
	texts   []string
}

// never is longer than a client had.
const never = time.Duration(math.MaxInt64)

func newTable(title, about string, columns ...column) *table {
	return &table{title: title, about: about, columns: columns, cells: make(map[string]map[string]cell)}
}

func (t *table) change(client, name string, f func(*cell)) {
	if !slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name }) {
		panic(fmt.Sprintf("%s has no column %q", t.title, name))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells[client] == nil {
		t.cells[client] = make(map[string]cell)
	}
	one := t.cells[client][name]
	f(&one)
	t.cells[client][name] = one
}

// number adds a value to a cell.
func (t *table) number(client, column string, v float64) {
	t.change(client, column, func(c *cell) { c.numbers = append(c.numbers, v) })
}

func (t *table) count(c *caller, column string, n int) { t.number(c.client.Name, column, float64(n)) }

func (t *table) seconds(c *caller, column string, d time.Duration) {
	v := max(0, d.Seconds())
	if d == never {
		v = math.Inf(1)
	}
	t.number(c.client.Name, column, v)
}

func (t *table) text(c *caller, column, text string) {
	t.change(c.client.Name, column, func(c *cell) { c.texts = append(c.texts, text) })
}

// crash fills the column for that.
func (t *table) crash(test *testing.T, c *caller) {
	test.Helper()
	died := c.crash()
	if died == "" {
		died = "no"
	} else if c.client.Ours {
		test.Errorf("%s has crashed: %s", c.client.Name, died)
	}
	t.text(c, crashed.name, died)
}

// complete checks that there is a figure of each client in each column.
func (t *table) complete(test *testing.T) {
	test.Helper()
	for _, client := range Clients {
		for _, c := range t.columns {
			if one := t.cells[client.Name][c.name]; len(one.numbers)+len(one.texts) < samples() {
				test.Errorf("%s, %s, %s: %+v, want %d figures", t.title, client.Name, c.name, one, samples())
			}
		}
	}
}

func (t *table) String() string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head, rule := []string{""}, []string{"---"}
	for _, c := range t.columns {
		head, rule = append(head, c.name), append(rule, "---")
	}
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", t.title, t.about)
	line(head)
	line(rule)
	for _, client := range append(slices.Clone(Clients), Keeping) {
		if t.cells[client.Name] == nil {
			continue // no part of it
		}
		row := []string{client.Name}
		for _, c := range t.columns {
			row = append(row, t.cells[client.Name][c.name].show(c))
		}
		line(row)
	}
	if better := t.better(); better != nil {
		b.WriteString("\n" + strings.Join(better, "\n") + "\n")
	}
	return b.String()
}

func (c cell) show(of column) string {
	if of.format == nil {
		texts := slices.Compact(slices.Sorted(slices.Values(c.texts)))
		if texts == nil {
			return "–"
		}
		return strings.Join(texts, "; ")
	}
	if c.numbers == nil {
		return "–"
	}
	if of.total {
		return of.format(c.figure(of))
	}
	text := of.format(c.figure(of))
	least, most := of.format(slices.Min(c.numbers)), of.format(slices.Max(c.numbers))
	if least != most {
		text += fmt.Sprintf(" (%s to %s)", least, most)
	}
	return text
}

// figure is the median of the processes, or their sum.
func (c cell) figure(of column) (v float64) {
	if !of.total {
		sorted := slices.Sorted(slices.Values(c.numbers))
		return sorted[(len(sorted)-1)/2]
	}
	for _, one := range c.numbers {
		v += one
	}
	return v
}

// better has a sentence for each figure of somebody else's client that is better than
// that of one of ours, by more than a tenth.
func (t *table) better() (sentences []string) {
	for _, c := range t.columns {
		if c.format == nil {
			continue
		}
		for _, other := range Clients {
			theirs := t.cells[other.Name][c.name]
			if other.Ours || theirs.numbers == nil {
				continue
			}
			var worse []string
			for _, client := range Clients {
				ours := t.cells[client.Name][c.name]
				if client.Ours && ours.numbers != nil && theirs.figure(c) < 0.9*ours.figure(c) {
					worse = append(worse, fmt.Sprintf("%s has %s", client.Name, c.format(ours.figure(c))))
				}
			}
			if worse != nil {
				text := fmt.Sprintf("- %s is better in %q: %s; %s. %s", other.Name, c.name, c.format(theirs.figure(c)), strings.Join(worse, ", "), c.why)
				sentences = append(sentences, strings.TrimSpace(text))
			}
		}
	}
	return sentences
}
