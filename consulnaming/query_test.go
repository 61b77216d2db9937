package consulnaming

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// The figures that the documentation has; other tests calculate with whatever they
// are.
func TestDocumentedFigures(t *testing.T) {
	for name, test := range map[string]struct{ got, want int64 }{
		"the wait by default":          {int64(newOptions(nil).query.WaitTime), int64(time.Minute)},
		"the longest wait":             {int64(longestWait), int64(10 * time.Minute)},
		"slack":                        {int64(slack), int64(10 * time.Second)},
		"bytes of an answer":           {answerBound, 256 << 20},
		"an index that is no next one": {farIndex, 1 << 32},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d, want %d", name, test.got, test.want)
		}
	}
}

// Nobody looks into half an entry: what has any of those is not a Consul agent's.
func TestIncompleteEntries(t *testing.T) {
	for _, body := range []string{
		"[null]",
		`[{"Node": {"Node": "n"}}]`,
		`[{"Service": {"ID": "a", "Address": "10.0.0.1", "Port": 80}}]`,
		anInstance[:len(anInstance)-1] + ", null]",
	} {
		client := clientOf(t, func(*http.Request) (*http.Response, error) { return reply(7, body) })
		q := &query{client: client, service: "svc"}
		if entries, _, err := q.ask(t.Context(), position{}); !errors.Is(err, errForeign) || entries != nil {
			t.Errorf("%s: %v, %v; want %v", body, entries, err, errForeign)
		}
	}
}
