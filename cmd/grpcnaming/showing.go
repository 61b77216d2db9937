package main

import (
	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/naming"
)

// showing is a naming.Resolver that shows the updates of another one as they
// happen, on their way to the balancer: a wrapper as old code may have one.
type showing struct {
	naming.Resolver
	play *play
}

func (s showing) Resolve(target string) (naming.Watcher, error) {
	w, err := s.Resolver.Resolve(target)
	if err != nil {
		return nil, err
	}
	return showingWatcher{w, s.play}, nil
}

type showingWatcher struct {
	naming.Watcher
	play *play
}

func (w showingWatcher) Next() ([]*naming.Update, error) {
	updates, err := w.Watcher.Next()
	for _, u := range updates {
		w.play.tally.update(u)
		w.play.out.printf("naming.Update %s (backend %s)", line(u), w.play.tally.nameOf(u.Addr))
	}
	return updates, err
}

// OnError keeps the reason of a failure visible through the wrapper.
func (w showingWatcher) OnError(f func(error)) {
	if r, ok := w.Watcher.(adapter.ErrorReporter); ok {
		r.OnError(func(err error) {
			w.play.out.printf("Consul: %v", err)
			f(err)
		})
	}
}
