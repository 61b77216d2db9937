package droptest

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	// What the programs are built from: the result of a test must not be taken
	// from go's cache when it has changed.
	_ "github.com/grpcnaming/grpcnaming/adapter"
)

// grpcVersion is "v1.85.0" or what else the tests are built with.
const grpcVersion = "v" + grpc.Version

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
