package adapter

// Watchers that fail, and what becomes of what they said.

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// fullWatcher says of its first Next that it is all there is.
type fullWatcher struct{ *scriptWatcher }

func (fullWatcher) FirstNextIsFull() bool { return true }

// A watcher that comes after another may not know everything. What its first Next
// replaces depends on what that is, on whether it is a FullLister, and on whether it
// has been in use before.
func TestWhatALaterWatcherReplaces(t *testing.T) {
	nothing, c := []*naming.Update{}, add("c:1")
	for name, test := range map[string]struct {
		kind string             // of the second watcher
		says [][]*naming.Update // after the first has named a:1 and b:1
		want string
		news int // of which grpc is told after that, if there is any
	}{
		"adds":                        {"", [][]*naming.Update{c}, "[c:1]", 1},
		"nothing":                     {"", [][]*naming.Update{nothing, nothing}, "[a:1 b:1]", 0},
		"nothing, then adds":          {"", [][]*naming.Update{nothing, c}, "[c:1]", 1},
		"nothing, then a change":      {"", [][]*naming.Update{nothing, del("a:1")}, "[b:1]", 1},
		"a change":                    {"", [][]*naming.Update{append(del("a:1"), c...)}, "[b:1 c:1]", 1},
		"adds, then adds":             {"", [][]*naming.Update{c, add("d:1")}, "[c:1 d:1]", 2},
		"full: adds":                  {"full", [][]*naming.Update{c}, "[c:1]", 1},
		"full: nothing":               {"full", [][]*naming.Update{nothing}, "[]", 1},
		"full: nothing, repeatedly":   {"full", [][]*naming.Update{nothing, nothing, nothing}, "[]", 1},
		"full: nothing, then adds":    {"full", [][]*naming.Update{nothing, c, add("a:1")}, "[c:1 a:1]", 3},
		"full: deletes":               {"full", [][]*naming.Update{append(del("a:1"), c...)}, "[c:1]", 1},
		"after full: nothing":         {"after full", [][]*naming.Update{nothing}, "[a:1 b:1]", 0},
		"in use: what is new":         {"in use", [][]*naming.Update{c}, "[a:1 b:1 c:1]", 1},
		"in use: some of what is old": {"in use", [][]*naming.Update{add("b:1", "c:1")}, "[b:1 c:1]", 1},
	} {
		for _, way := range []string{"error of Next", "dialled again"} { // the latter as after idleness
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					first, second := newScriptWatcher(), newScriptWatcher()
					var r naming.Resolver
					switch test.kind {
					case "":
						r = inTurn(first, second)
					case "full":
						r = inTurn(fullWatcher{first}, fullWatcher{second})
					case "after full":
						r = inTurn(fullWatcher{first}, second)
					case "in use":
						r, second = inTurn(&unclosable{first}), first
					}
					builder, cc := namingBuilders["WithBalancer"](r), &toldConn{}
					conn := build(t, builder, cc)
					first.send(t, add("a:1", "b:1")...)
					synctest.Wait()
					if way == "error of Next" {
						first.fail(t, errors.New("over"))
					} else {
						conn.Close()
						conn = build(t, builder, cc)
					}
					elapse(time.Second) // until Resolve has been called again
					before := len(cc.told)
					for _, updates := range test.says {
						second.send(t, updates...)
						synctest.Wait()
					}
					told := cc.told[before-1:]
					if got := told[len(told)-1]; got != test.want || len(told)-1 != test.news {
						t.Errorf("grpc was told of %q, want %d more and %s in the end", told, test.news, test.want)
					}
					conn.Close()
					first.Close()
				})
			})
		}
	}
}

// unclosable is a watcher that can be used again after its Close, which does nothing.
type unclosable struct{ *scriptWatcher }

func (*unclosable) Close() {}

// The reason why there is no address is shown for as long as it is true, and no
// longer than the life that it is of.
func TestReasonComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReporter()
		rr := started(t, inTurn(w, newReporter()), "svc")
		shows := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := refusal(t, rr); got != noneAvailable+want {
				t.Errorf("Get says %q, want %q behind %q", got, want, noneAvailable)
			}
		}
		w.report(errors.New("no leader"))
		shows(": no leader")
		w.report(errors.New("permission denied"))
		shows(": permission denied")
		w.report(nil)
		shows("")
		w.report(errors.New("no leader"))
		w.send(t, add("a:1")...) // without saying that the trouble is over
		w.send(t, del("a:1")...)
		shows("")
		w.report(errors.New("no leader"))
		rr.Close()
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		shows("")
		rr.Close()
	})
}
