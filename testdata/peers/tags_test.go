package peers

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Two tags are wanted, of instances that have none, one or both.
func TestTags(t *testing.T) {
	t.Parallel()
	const service = "tagged"
	a, all := agent(t), backends(t, 4)
	names := make(map[string]string) // by address
	for i, tags := range [][]string{nil, {"a"}, {"b"}, {"a", "b"}} {
		register(t, a.Client(), service, all[i], tags...)
		names[all[i].Addr()] = "with " + strings.Join(tags, " and ")
	}
	names[all[0].Addr()] = "without tags"
	for _, c := range start(t, Clients, a.Address(), service, "a", "b") {
		c.begins(t, func(calls []call) bool { return len(calls)-len(failed(calls)) >= 2*steady })
		calls := c.since(time.Time{})
		var called []string
		for _, addr := range answering(calls[len(calls)-steady:]) {
			called = append(called, names[addr])
		}
		slices.Sort(called)
		if text := strings.Join(called, ", "); c.client.Ours && text != "with a and b" {
			t.Errorf("%s calls %s", c.client.Name, text)
		} else {
			tagged.text(c, "calls the instances", text)
		}
		tagged.crash(t, c)
	}
	tagged.complete(t)
}
