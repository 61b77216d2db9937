package balancer_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/internal/testlog"
)

// logged has what this package and grpc have logged in all tests so far.
var logged *testlog.Log

func TestMain(m *testing.M) {
	logged = testlog.Capture()
	goleak.VerifyTestMain(m)
}
