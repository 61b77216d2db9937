package follow

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/naming"
)

// inTurn resolves to one watcher after the other.
type inTurn []naming.Watcher

func (r *inTurn) Resolve(string) (naming.Watcher, error) {
	w := (*r)[0]
	if *r = (*r)[1:]; len(*r) == 0 {
		*r = inTurn{w}
	}
	return w, nil
}

// full says of its first Next that it is all there is.
type full struct{ *scripted }

func (full) FirstNextIsFull() bool { return true }

// plain is a watcher without optional methods.
type plain struct{ naming.Watcher }

func deleted(addr string) []*naming.Update { return []*naming.Update{{Op: naming.Delete, Addr: addr}} }

// A watcher that comes after another may not know everything. What its first Next
// replaces depends on what that is, on whether it is a FullLister, and on whether it
// has been in use before.
func TestWhatALaterWatcherReplaces(t *testing.T) {
	nothing, c := []*naming.Update{}, added("c:1")
	for name, test := range map[string]struct {
		kind string             // of the second watcher
		says [][]*naming.Update // after the first has named a:1 and b:1
		want string
		news int // changes after that
	}{
		"adds":                        {"", [][]*naming.Update{c}, "[c:1]", 1},
		"nothing":                     {"", [][]*naming.Update{nothing, nothing}, "[a:1 b:1]", 0},
		"nothing, then adds":          {"", [][]*naming.Update{nothing, c}, "[c:1]", 1},
		"nothing, then a change":      {"", [][]*naming.Update{nothing, deleted("a:1")}, "[b:1]", 1},
		"a change":                    {"", [][]*naming.Update{append(deleted("a:1"), c...)}, "[b:1 c:1]", 1},
		"adds, then adds":             {"", [][]*naming.Update{c, added("d:1")}, "[c:1 d:1]", 2},
		"full: adds":                  {"full", [][]*naming.Update{c}, "[c:1]", 1},
		"full: nothing":               {"full", [][]*naming.Update{nothing}, "[]", 1},
		"full: nothing, repeatedly":   {"full", [][]*naming.Update{nothing, nothing, nothing}, "[]", 1},
		"full: nothing, then adds":    {"full", [][]*naming.Update{nothing, c, added("a:1")}, "[c:1 a:1]", 3},
		"full: deletes":               {"full", [][]*naming.Update{append(deleted("a:1"), c...)}, "[c:1]", 1},
		"after full: nothing":         {"after full", [][]*naming.Update{nothing}, "[a:1 b:1]", 0},
		"in use: what is new":         {"in use", [][]*naming.Update{c}, "[a:1 b:1 c:1]", 1},
		"in use: some of what is old": {"in use", [][]*naming.Update{append(added("b:1"), c...)}, "[b:1 c:1]", 1},
	} {
		for _, way := range []string{"error of Next", "another watch"} { // the latter as after idleness
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					first, second := script(), script()
					r := inTurn{first, second}
					switch test.kind {
					case "full":
						r = inTurn{full{first}, full{second}}
					case "after full":
						r = inTurn{full{first}, plain{second}}
					case "in use":
						r, second = inTurn{unclosable{first}}, first
					}
					calls, changes := new(Calls), 0
					var w *Watch
					begin := func(known addrset.Set) {
						w = New(&r, "svc", calls, known, func() { changes++ })
						go func() { w.Run(w.Resolve()) }()
					}
					end := func() addrset.Set {
						known := w.Stop()
						w.Close()
						return known
					}
					begin(addrset.Set{})
					first.results <- append(added("a:1"), added("b:1")...)
					synctest.Wait()
					if way == "error of Next" {
						first.results <- nil
					} else {
						begin(end())
					}
					time.Sleep(time.Second) // until Resolve has been called again
					synctest.Wait()
					changes = 0
					for _, updates := range test.says {
						second.results <- updates
						synctest.Wait()
					}
					var got []string
					known, err := Known[addrset.Address](w)
					for _, a := range known {
						got = append(got, a.Addr)
					}
					if fmt.Sprint(got) != test.want || changes != test.news || err != nil {
						t.Errorf("%v is known after %d changes (%v), want %v after %d", got, changes, err, test.want, test.news)
					}
					end()
					first.Close()
				})
			})
		}
	}
}
