package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// transient is an error of the user's that says so.
type transient struct{ text string }

func (e transient) Error() string            { return e.text }
func (e transient) IsTransientFailure() bool { return true }

// statusAndTransient is a status too.
type statusAndTransient struct{ transient }

func (e statusAndTransient) GRPCStatus() *status.Status {
	return status.New(codes.PermissionDenied, e.text)
}

// foreign is a SubConn that grpc has not made.
type foreign struct{ balancer.SubConn }

type pickResult struct {
	what string
	sc   func(ready balancer.SubConn) balancer.SubConn
	err  error
}

func results(s *stage, cc balancer.ClientConn) []pickResult {
	none := func(balancer.SubConn) balancer.SubConn { return nil }
	return []pickResult{
		{"a SubConn that is ready", func(sc balancer.SubConn) balancer.SubConn { return sc }, nil},
		{"nothing and no error", none, nil},
		{"a SubConn that is none of grpc's", func(sc balancer.SubConn) balancer.SubConn { return foreign{sc} }, nil},
		{"a SubConn that was removed", func(balancer.SubConn) balancer.SubConn {
			sc, err := cc.NewSubConn(s.addr("B"), balancer.NewSubConnOptions{})
			if err != nil {
				s.Errorf("NewSubConn: %v", err)
			}
			cc.RemoveSubConn(sc)
			return sc
		}, nil},
		{"ErrNoSubConnAvailable", none, balancer.ErrNoSubConnAvailable},
		{"ErrTransientFailure", none, balancer.ErrTransientFailure},
		{"TransientFailureError of an error", none, balancer.TransientFailureError(errors.New("mine"))},
		{"TransientFailureError of a status", none, balancer.TransientFailureError(status.Error(codes.PermissionDenied, "mine"))},
		{"an error with IsTransientFailure", none, transient{"mine"}},
		{"a status with IsTransientFailure", none, statusAndTransient{transient{"mine"}}},
		{"a status PermissionDenied", none, status.Error(codes.PermissionDenied, "mine")},
		{"a status Unavailable", none, status.Error(codes.Unavailable, "mine")},
		{"a status inside an error", none, fmt.Errorf("mine: %w", status.Error(codes.Unavailable, "inner"))},
		{"another error", none, errors.New("mine")},
		{"context.Canceled", none, context.Canceled},
	}
}

// pickResults gives RPCs a picker that answers once, and is followed by another as soon
// as it has answered.
func TestScenarioPickResults(t *testing.T) {
	s := newStage(t)
	tryResults(s, func(cc balancer.ClientConn, sc balancer.SubConn, r pickResult, done func(balancer.DoneInfo), asked func()) {
		cc.UpdateBalancerState(connectivity.Ready, pickFunc(func(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
			asked()
			if r.err != nil {
				return nil, nil, r.err
			}
			return r.sc(sc), done, nil
		}))
	})
}

func TestScenarioV2PickResults(t *testing.T) {
	s := newStage(t)
	tryResults(s, func(cc balancer.ClientConn, sc balancer.SubConn, r pickResult, done func(balancer.DoneInfo), asked func()) {
		cc.UpdateState(balancer.State{ConnectivityState: connectivity.Ready, Picker: v2PickFunc(func(balancer.PickInfo) (balancer.PickResult, error) {
			asked()
			if r.err != nil {
				return balancer.PickResult{}, r.err
			}
			return balancer.PickResult{SubConn: r.sc(sc), Done: done}, nil
		})})
	})
}

// connected dials a policy, which has a SubConn to A that is ready.
func (s *stage) connected() (p *policy, c *channel, sc balancer.SubConn) {
	p = s.newPolicy()
	ready := make(chan balancer.SubConn, 100) // nobody waits for a second time
	p.changed = func(_ *policy, sc balancer.SubConn, state connectivity.State) {
		if state == connectivity.Ready {
			ready <- sc
		}
	}
	c = s.dial(p.name)
	c.resolve("A")
	return p, c, <-ready
}

func tryResults(s *stage, update func(cc balancer.ClientConn, sc balancer.SubConn, r pickResult, done func(balancer.DoneInfo), asked func())) {
	p, c, sc := s.connected()
	for _, r := range results(s, p.cc) {
		kinds(func(kind string, opt grpc.CallOption) {
			var mu sync.Mutex
			var updated sync.WaitGroup
			updated.Add(1)
			count, dones := 0, []string{}
			done := func(i balancer.DoneInfo) {
				mu.Lock()
				defer mu.Unlock()
				dones = append(dones, fmt.Sprintf("done(error %v, sent %v, received %v)", i.Err, i.BytesSent, i.BytesReceived))
			}
			asked := func() {
				mu.Lock()
				defer mu.Unlock()
				if count++; count == 1 {
					go func() {
						defer updated.Done()
						p.cc.UpdateBalancerState(connectivity.Ready, always(sc))
					}()
				}
			}
			update(p.cc, sc, r, done, asked)
			c.sayCall(kind+", "+r.what, opt)
			updated.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(dones) > 0 {
				s.say("  %s", strings.Join(dones, ", "))
			}
			if count != 1 {
				s.say("  asked %d times", count)
			}
		})
	}
}

func TestScenarioBlockingPick(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	c := s.dial(p.name)
	c.resolve("A")
	(<-p.built).cc.UpdateBalancerState(connectivity.Ready, pickFunc(func(ctx context.Context, o balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
		<-ctx.Done()
		s.say("Pick of %s, with %v: %v", o.FullMethodName, ctx.Value(ctxKey{}), ctx.Err())
		return nil, nil, ctx.Err()
	}))
	kinds(func(kind string, opt grpc.CallOption) {
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), ctxKey{}, kind), 20*time.Millisecond)
		defer cancel()
		_, err := c.callWith(ctx, opt)
		s.say("%s: %v: %s", kind, status.Code(err), status.Convert(err).Message())
	})
}

type ctxKey struct{}
