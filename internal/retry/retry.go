// Package retry has the delays between tries at what has failed.
package retry

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// New returns delays that double, from about first to at most last. A delay is a
// random one of between a third of its most and its most, so that what has failed at
// one time for many is not tried at one time by all. One goroutine may use it.
func New(first, last time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.RandomizationFactor = 0.5
	b.InitialInterval = first
	b.MaxInterval = last * 2 / 3
	b.Multiplier = 2
	return b
}
