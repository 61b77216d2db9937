package consulnaming

import (
	"errors"
	"net/http"
)

// How much is read of what an agent answers, as package api has all of it in
// memory at once.
const (
	// Consul 1.22 takes 1.7 kB for an instance with one check, and up to 4 kB more
	// for what a check has said: this is 150,000 of the one, 40,000 of the other.
	answerBound = 256 << 20 // bytes

	// An answer that is no 200 has a text, of which errorLength bytes are shown.
	reasonBound = 64 << 10 // bytes
)

// bounded is the transport of a client that is ours. What it bounds has been
// decompressed by then: that is next's, unasked.
type bounded struct {
	next           http.RoundTripper
	answer, reason int64 // bytes
}

// RoundTrip returns a response whose body fails with a *http.MaxBytesError at the
// bound. Closing it then closes the connection.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	bound := b.reason
	if response.StatusCode == http.StatusOK {
		bound = b.answer
	}
	response.Body = http.MaxBytesReader(nil, response.Body, bound)
	return response, nil
}

// CloseIdleConnections is what (*http.Client).CloseIdleConnections calls.
func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// keepToken follows a redirect, of ten at most, and keeps what is secret in the
// request from another host, and from whoever listens where TLS is left: net/http
// knows of no X-Consul-Token.
func keepToken(r *http.Request, via []*http.Request) error {
	if len(via) == 10 {
		return errors.New("redirected ten times")
	}
	first := via[0].URL
	if r.URL.Hostname() != first.Hostname() || first.Scheme == "https" && r.URL.Scheme != "https" {
		r.Header.Del("X-Consul-Token")
		r.Header.Del("Authorization")
	}
	return nil
}
