package consulnaming

// How long a loop waits before it asks again. Its goroutine calls this.

import (
	"errors"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/retry"
)

const (
	firstRetry = 250 * time.Millisecond // about

	// The longest delays. A try that reaches nobody costs the agent nothing. What
	// ends with an election of the servers ends within seconds, or needs a person.
	unreachedRetry = time.Second
	electionRetry  = 2 * time.Second
	electionTime   = 30 * time.Second
	lastRetry      = 10 * time.Second
)

// failure says what has failed, as far as the delay depends on it.
type failure int

const (
	otherFailure failure = iota // a refusal, an answer that is none, a timeout
	unreached                   // no connection, or one that has broken
	serverError                 // a status from 500 on, as "No cluster leader" has
)

func failureOf(err error) failure {
	var request *url.Error
	var status api.StatusError
	var op *net.OpError
	var name *net.DNSError
	switch {
	case errors.As(err, &status) && status.Code >= 500:
		return serverError
	case errors.As(err, &request) && !request.Timeout() && (errors.Is(err, io.EOF) || errors.As(err, &op) || errors.As(err, &name)):
		return unreached
	}
	return otherFailure
}

// failedQuery is an error of ask.
type failedQuery struct {
	error
	failure failure
}

func (e *failedQuery) Unwrap() error { return e.error }

// retries has the delays of one loop.
type retries struct {
	unreached, election, other *backoff.ExponentialBackOff
	since                      time.Time     // of the first failure in a row
	longest                    time.Duration // that a user wants; 0 is no limit
}

func newRetries(longest time.Duration) *retries {
	to := func(last time.Duration) *backoff.ExponentialBackOff {
		if longest > 0 {
			last = min(last, longest)
		}
		return retry.New(min(firstRetry, last), last)
	}
	return &retries{unreached: to(unreachedRetry), election: to(electionRetry), other: to(lastRetry), longest: longest}
}

// after returns how long to wait after err.
func (r *retries) after(err error) time.Duration {
	if r.since.IsZero() {
		r.since = time.Now()
	}
	var failed *failedQuery
	if errors.As(err, &failed) {
		switch {
		case failed.failure == unreached:
			return r.unreached.NextBackOff()
		case failed.failure == serverError && time.Since(r.since) < electionTime:
			return r.election.NextBackOff()
		}
	}
	return r.other.NextBackOff()
}

// answered begins anew.
func (r *retries) answered() {
	if !r.since.IsZero() {
		*r = *newRetries(r.longest)
	}
}
