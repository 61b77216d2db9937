package adapter

import (
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/testdoc"
)

// docs/contract.md names a test in each row, tests that exist, and every
// TestContract is in it.
func TestTheContract(t *testing.T) {
	testdoc.Contract(t, "../docs/contract.md", "TestContract", ".", "../internal/addrset", "../internal/endpoint", "../internal/follow")
}
