package consulnaming

import (
	"fmt"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Whoever prints a resolver sees which agent it asks.
func TestResolverNamesItsAgent(t *testing.T) {
	for want, r := range map[string]naming.Resolver{
		"agent of the given client": New(otherClient(t, "consul.test:8500"), "svc"),
		"agent of the environment":  NewConsulResolver("", "svc"),
		"agent consul.test:8500":    NewConsulResolver("consul.test:8500", "svc"),
	} {
		if got := fmt.Sprint(r); !strings.Contains(got, want) || !strings.Contains(got, `"svc"`) {
			t.Errorf("%q, want %q and the service in it", got, want)
		}
	}
}

// Half a character is not shown.
func TestCut(t *testing.T) {
	for _, test := range []struct {
		n    int
		want string
	}{{0, "..."}, {3, "aü..."}, {4, "aü..."}, {7, "aüüü"}, {8, "aüüü"}} {
		if got := cut("aüüü", test.n); got != test.want {
			t.Errorf("the first %d bytes: %q, want %q", test.n, got, test.want)
		}
	}
}
