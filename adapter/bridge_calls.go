package adapter

import "errors"

// call runs f, which calls the named method of the Balancer, unless the Balancer
// is being closed.
func (b *bridge) call(method string, f func() error) error {
	b.mu.Lock()
	if b.closing.Load() {
		b.mu.Unlock()
		return errConnClosing
	}
	b.calls.Add(1)
	b.mu.Unlock()
	defer b.calls.Done()
	return contain(b.balancer, method, f)
}

var errConnClosing = errors.New("grpc: the connection is closing")

// up tells the Balancer that c is connected.
func (b *bridge) up(c *conn) {
	_ = b.call("Up", func() error {
		down := b.balancer.Up(c.v1)
		b.mu.Lock()
		defer b.mu.Unlock()
		if down != nil && b.downs != nil { // nil after allDown, if Up took long
			b.downs[c] = down
		}
		return nil
	})
}

// down tells it that c is not connected any more, unless allDown will.
func (b *bridge) down(c *conn) {
	b.mu.Lock()
	down := b.downs[c]
	if down == nil || b.closing.Load() {
		b.mu.Unlock()
		return
	}
	delete(b.downs, c)
	b.calls.Add(1)
	b.mu.Unlock()
	defer b.calls.Done()
	_ = contain(b.balancer, "Up's function", func() error { down(errConnClosing); return nil })
}

// allDown says of every connection that it is no more: a Balancer that will be
// started again must not choose among the connections of its life before. In
// v1.29.1 there was no such life.
func (b *bridge) allDown() {
	b.mu.Lock()
	downs := b.downs
	b.downs = nil
	b.mu.Unlock()
	for _, down := range downs {
		_ = contain(b.balancer, "Up's function", func() error { down(errConnClosing); return nil })
	}
}
