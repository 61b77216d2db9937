package faults

import (
	"testing"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// An agent that has lost its state says that there is no instance. By default
// gRPC has none then, as in the article; with KeepLastKnown the last ones stay,
// and RPCs go on.
func TestAgentForgets(t *testing.T) {
	t.Parallel()
	t.Run("KeepLastKnown", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t, "stand-in restarted empty, KeepLastKnown")
		tr.allowedLines = 2 // that they are kept, of each ClientConn
		server := tr.standIn()
		tr.serve(3)
		tr.dial(consulnaming.New(server.Client(), tr.service, consulnaming.KeepLastKnown()))
		tr.begin()
		tr.must(tr.catalogue.lost(func() error { server.Reset(); return nil }))
		testwait.Until(t, "it is noticed", func() bool { return tr.log.snapshot().nOthers == 2 })
		tr.over(func() {
			// The last answer may name only some: that is not an empty one.
			for _, c := range tr.clients {
				tr.mayLack(c)
			}
			tr.putBackends()
		})
	})
	t.Run("by default", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t, "stand-in restarted empty")
		server := tr.standIn()
		tr.serve(3)
		c := tr.dial(consulnaming.New(server.Client(), tr.service))
		tr.mayLack(c)
		tr.converge()
		tr.must(tr.catalogue.lost(func() error { server.Reset(); return nil }))
		tr.converge() // to nothing
		tr.putBackends()
		tr.begin()
		tr.over(func() {})
	})
}
