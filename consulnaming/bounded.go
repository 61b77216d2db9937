package consulnaming

// The HTTP side of NewConsulResolver's client: how much is read, and where a token is
// sent. The goroutine of a loop calls it; nothing in it changes.

import (
	"errors"
	"net/http"
)

// How much is read of an agent's answer: package api has all of it in memory at once.
const (
	// Consul 1.22 sends 1.7 kB for an instance with one check, and up to 4 kB more
	// for the check's output: this is enough for 150,000 instances, or for 40,000 with
	// such outputs.
	answerBound = 256 << 20 // bytes

	// An answer other than 200 has a text. Its first errorLength bytes are shown.
	reasonBound = 64 << 10 // bytes
)

// bounded is the transport of a client that is ours. It counts bytes after
// decompression, which next does by itself.
type bounded struct {
	next           http.RoundTripper
	answer, reason int64   // bytes
	members        members // of each instance that are needed; nil is all
}

// RoundTrip returns a response whose body fails with a *http.MaxBytesError at the
// bound, and has of each instance what is needed. Closing the body at the
// bound closes the connection.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		response.Body = http.MaxBytesReader(nil, response.Body, b.answer)
		if b.members != nil {
			response.Body = newThin(response.Body, b.members)
		}
	} else {
		response.Body = http.MaxBytesReader(nil, response.Body, b.reason)
	}
	return response, nil
}

// CloseIdleConnections is what (*http.Client).CloseIdleConnections calls.
func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// keepToken follows up to ten redirects. It takes the secrets out of a request to
// another host or out of TLS: net/http does not know that X-Consul-Token is secret.
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
