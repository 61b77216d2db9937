package faults

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// instance is an entry of a catalogue.
type instance struct {
	id   string
	node string // other than the usual one
	host string
	port int
	sick bool // its check is critical
	// unchecked has no check and is healthy, which takes Consul less time.
	unchecked bool

	// addr is what it is to be called at; empty if it is of no use.
	addr string
}

// key is unique, as IDs are per node.
func (i instance) key() string { return i.node + "/" + i.id }

func newInstance(id, host string, port int) instance {
	return instance{id: id, host: host, port: port, addr: net.JoinHostPort(host, strconv.Itoa(port))}
}

// putter puts instances of one service into a Consul and removes them. A call may
// be repeated if it fails.
type putter interface {
	put(...instance) error
	remove(...instance) error
}

// catalogue puts instances into a Consul and knows every state that it was in.
// Its methods may be called by any goroutine.
type catalogue struct {
	to putter

	changing sync.Mutex          // held during a change; taken before mu
	mu       sync.Mutex          // guards what follows; taken before an observer's
	has      map[string]instance // by key
	watching map[*observer]bool
}

func newCatalogue(to putter) *catalogue {
	return &catalogue{to: to, has: make(map[string]instance), watching: make(map[*observer]bool)}
}

// put registers instances, or replaces those with the same node and ID.
func (c *catalogue) put(instances ...instance) error {
	return c.change(func(has map[string]instance) {
		for _, i := range instances {
			has[i.key()] = i
		}
	}, func() error { return c.to.put(instances...) })
}

func (c *catalogue) remove(instances ...instance) error {
	return c.change(func(has map[string]instance) {
		for _, i := range instances {
			delete(has, i.key())
		}
	}, func() error { return c.to.remove(instances...) })
}

// lost says that the Consul has forgotten everything, by itself.
func (c *catalogue) lost(forget func() error) error {
	return c.change(func(has map[string]instance) { clear(has) }, forget)
}

// change notes the new state before it can be seen. If apply fails the change
// may have happened or not, and the caller makes it again.
func (c *catalogue) change(what func(map[string]instance), apply func() error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	what(c.has)
	set := c.setLocked()
	for o := range c.watching {
		o.possible(set)
	}
	c.mu.Unlock()
	return apply()
}

// watch tells o of every state from now on, and first of those that other, if it
// is not nil, may still be given: o begins with what a query says that both share.
func (c *catalogue) watch(o, other *observer) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching[o] = true
	if other != nil {
		for _, set := range other.ahead() {
			o.possible(set)
		}
	}
	o.possible(c.setLocked())
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watching, o)
	}
}

// now is the set that clients should have.
func (c *catalogue) now() addrs {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.setLocked()
}

func (c *catalogue) setLocked() addrs {
	set := make(map[string]bool)
	for _, i := range c.has {
		if i.addr != "" && !i.sick {
			set[i.addr] = true
		}
	}
	return sorted(set)
}

// addrs is a set of addresses, sorted, one per line.
type addrs string

func sorted[V any](set map[string]V) addrs {
	return addrs(strings.Join(slices.Sorted(maps.Keys(set)), "\n"))
}

func (a addrs) list() []string {
	if a == "" {
		return nil
	}
	return strings.Split(string(a), "\n")
}

func (a addrs) String() string {
	list := a.list()
	if len(list) > 20 {
		return fmt.Sprintf("%d addresses, %q to %q", len(list), list[0], list[len(list)-1])
	}
	return fmt.Sprintf("%q", list)
}

// differ is by how many addresses two sets do.
func differ(a, b addrs) (n int) {
	x, y := a.list(), b.list()
	for len(x) > 0 && len(y) > 0 {
		switch strings.Compare(x[0], y[0]) {
		case -1:
			n, x = n+1, x[1:]
		case 1:
			n, y = n+1, y[1:]
		default:
			x, y = x[1:], y[1:]
		}
	}
	return n + len(x) + len(y)
}
