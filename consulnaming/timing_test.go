package consulnaming

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"
)

func reply(index int, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"X-Consul-Index": {fmt.Sprint(index)}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}, nil
}

// anInstance is what an agent says of one at 10.0.0.1:80.
const anInstance = `[{"Node": {"Node": "n"}, "Service": {"ID": "a", "Address": "10.0.0.1", "Port": 80}}]`

// "Loop limited when Consul answers at once again and again": an index that runs
// ahead of every query, without a change. A burst is not held up, as changes come in
// bursts, and after that it goes on at the rate.
func TestQueriesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) { return reply(seen.add(r), "[]") })
		w := resolveOrFail(t, New(client, "svc"), "")
		done := drain(w)
		synctest.Wait()
		if n := seen.count(); n != 10 {
			t.Errorf("%d queries at once, want 10", n)
		}
		time.Sleep(time.Minute) // of the bubble's time
		synctest.Wait()
		if n, least, most := seen.count(), 60*10, 60*10+10+1; n < least || n > most {
			t.Errorf("%d queries in a minute, want %d to %d", n, least, most)
		}
		w.Close()
		<-done
	})
}

// failing drains a watcher whose agent never has an answer.
func failing(t *testing.T, fail func() (*http.Response, error)) (seen *requests, w *watcher, done chan struct{}) {
	t.Helper()
	seen = &requests{}
	client := clientOf(t, func(r *http.Request) (*http.Response, error) {
		seen.add(r)
		return fail()
	})
	w = resolveOrFail(t, New(client, "svc"), "")
	return seen, w, drain(w)
}

func refused(t *testing.T) (seen *requests, w *watcher, done chan struct{}) {
	t.Helper()
	return failing(t, func() (*http.Response, error) { return nil, errRefused })
}

func answers(code int) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("No cluster leader"))}, nil
	}
}

// "Error -> ... backoff with jitter": how long it takes until the next try depends on
// what has failed, and on how long ago that was.
func TestBackoff(t *testing.T) {
	for name, test := range map[string]struct {
		fail        func() (*http.Response, error)
		early, late time.Duration // at most, in the first half minute and after that
	}{
		"refused":      {func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} }, time.Second, time.Second},
		"reset":        {func() (*http.Response, error) { return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET} }, time.Second, time.Second},
		"closed":       {func() (*http.Response, error) { return nil, io.EOF }, time.Second, time.Second},
		"no such host": {func() (*http.Response, error) { return nil, &net.DNSError{Err: "no such host", IsNotFound: true} }, time.Second, time.Second},
		"no leader":    {answers(500), 2 * time.Second, 10 * time.Second},
		"no upstream":  {answers(502), 2 * time.Second, 10 * time.Second},
		"too many":     {answers(429), 10 * time.Second, 10 * time.Second},
		"forbidden":    {answers(403), 10 * time.Second, 10 * time.Second},
		"not found":    {answers(404), 10 * time.Second, 10 * time.Second},
		"timeout":      {func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded} }, 10 * time.Second, 10 * time.Second},
		"no JSON":      {func() (*http.Response, error) { return reply(1, "<html>") }, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen, w, done := failing(t, test.fail)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				w.Close()
				<-done
				var settled []time.Duration // delays that grow no more
				for i := 1; i < len(seen.times); i++ {
					delay, most := seen.times[i].Sub(seen.times[i-1]), test.late
					early := seen.times[i-1].Sub(seen.times[0]) < electionTime
					if early {
						most = test.early
					}
					if i == 1 && (delay < firstRetry/2 || delay > firstRetry*3/2) || delay > most {
						t.Errorf("try %d comes after %v, want %v at most", i, delay, most)
					}
					if !early && i > 50 {
						settled = append(settled, delay)
					}
				}
				least, most := slices.Min(settled), slices.Max(settled)
				if spread := most - least; least < test.late/4 || spread < test.late/2 {
					t.Errorf("%d delays of %v to %v: want them spread over half of the longest", len(settled), least, most)
				}
			})
		})
	}
}

// What fails at one time for hundreds of processes is not tried at one time by all.
func TestManyComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		const outage = 10 * time.Minute
		began := time.Now()
		var mu sync.Mutex
		var back []time.Duration // of each, from the agent's return
		for range n {
			answered := false
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				late := time.Since(began) - outage
				if late < 0 {
					return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
				}
				if !answered { // one goroutine asks
					answered = true
					mu.Lock()
					back = append(back, late)
					mu.Unlock()
				}
				return silent(r)
			})
			w := resolveOrFail(t, New(client, "svc"), "")
			done := drain(w)
			defer func() { w.Close(); <-done }()
		}
		time.Sleep(outage + 2*time.Second)
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(back)
		if len(back) != n || back[n-1] > 1500*time.Millisecond {
			t.Fatalf("%d of %d are back, the last after %v", len(back), n, back[len(back)-1])
		}
		perTenth := make([]int, 16)
		for _, b := range back {
			perTenth[b/(100*time.Millisecond)]++
		}
		t.Logf("back per tenth of a second: %v", perTenth)
		if most := slices.Max(perTenth); most > n/4 {
			t.Errorf("%d come within a tenth of a second", most)
		}
	})
}

// "Every query bounded in time (wait + wait/16 + slack), so a silent peer is
// noticed".
func TestSilenceIsNoticed(t *testing.T) {
	for _, wait := range []time.Duration{0, 8 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var seen requests
			reasons := make(chan error, 100)
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				if seen.add(r) == 2 {
					return reply(7, anInstance)
				}
				return silent(r)
			})
			w := resolveOrFail(t, New(client, "svc", QueryOptions(&api.QueryOptions{WaitTime: wait, WaitHash: "h"})), "")
			w.OnError(func(err error) { reasons <- err })
			done := drain(w)

			began := time.Now()
			if err := <-reasons; !strings.Contains(err.Error(), "no answer within") {
				t.Errorf("reason %v", err)
			}
			if took := time.Since(began); took != slack {
				t.Errorf("the first query, which has no index, is given up after %v, want %v", took, slack)
			}
			for seen.count() < 3 { // the second is answered, the third blocks
				time.Sleep(time.Millisecond)
			}
			began = seen.times[2]
			if err := <-reasons; err != nil {
				t.Errorf("reason %v, want nil after the query that was answered", err)
			}
			<-reasons
			effective := wait
			switch {
			case wait == 0:
				effective = defaultWait
			case wait > longestWait:
				effective = longestWait
			}
			if took, want := time.Since(began), effective+effective/16+slack; took != want {
				t.Errorf("wait %v: a blocked query is given up after %v, want %v", wait, took, want)
			}
			if q := seen.urls[2]; !strings.Contains(q, "index=7") || !strings.Contains(q, fmt.Sprintf("wait=%dms", effective.Milliseconds())) || strings.Contains(q, "hash") {
				t.Errorf("the blocked query is %q", q)
			}
			w.Close()
			<-done
		})
	}
}

// Whoever sees no instance looks again within two seconds, also without an index:
// to the anonymous token, Consul 1.22 goes on saying so with the index that it is
// given, for as long as the wait is. It does not look much more often than that. Nor
// does it make a wait longer that the user wants to be shorter.
func TestNoInstanceYet(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var seen requests
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				seen.add(r)
				q := r.URL.Query()
				if q.Get("index") == "" {
					if time.Since(began) > time.Minute {
						return reply(7, anInstance)
					}
					return reply(7, "[]")
				}
				held, err := time.ParseDuration(q.Get("wait"))
				if err != nil || wait > 0 && held > wait {
					t.Errorf("the query asks to be held for %q, want at most %v: %v", q.Get("wait"), wait, err)
				}
				select {
				case <-time.After(held + held/16):
					return reply(7, "[]")
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			})
			w := resolveOrFail(t, New(client, "svc", QueryOptions(&api.QueryOptions{WaitTime: wait})), "")
			expect(t, w, "")
			defer time.AfterFunc(2*time.Minute, w.Close).Stop() // else a failure would take forever
			got, err := w.Next()
			if err != nil || text(got) != "+10.0.0.1:80" {
				t.Errorf("Next: %v, %v", got, err)
			}
			if took := time.Since(began) - time.Minute; took > 2*time.Second {
				t.Errorf("an instance is seen after %v, want 2s at most", took)
			}
			if n := seen.count(); n > 120 {
				t.Errorf("%d queries in a minute without an instance, want at most two a second", n)
			}
			w.Close()
			synctest.Wait()
		})
	}
}

// An index that is far above the last one, but could be real, leaves the watch
// waiting for no more than two seconds, however often the agent says it; one that is
// there from the beginning, once.
func TestFarIndex(t *testing.T) {
	const far = 1_000_000_000_000
	for name, test := range map[string]struct {
		first   int           // the index at the beginning
		end     time.Duration // when the index is real again, and the instance is gone
		queries int           // until then, at most
	}{
		"from the second answer": {1000, time.Minute, 60},
		"a single time":          {1000, time.Second, 6},
		"from the beginning":     {far, 10 * time.Minute, 15},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var seen requests
				client := clientOf(t, func(r *http.Request) (*http.Response, error) {
					n := seen.add(r)
					q := r.URL.Query()
					index, _ := strconv.Atoi(q.Get("index"))
					over := time.Since(began) >= test.end
					switch {
					case n == 1:
						return reply(test.first, anInstance)
					case index == 1000 && !over:
						return reply(far, anInstance)
					case index == 1001:
						return silent(r)
					case index == far:
						wait, _ := time.ParseDuration(q.Get("wait"))
						select {
						case <-time.After(wait + wait/16):
						case <-r.Context().Done():
							return nil, r.Context().Err()
						}
						if over = time.Since(began) >= test.end; !over {
							return reply(far, anInstance)
						}
					}
					return reply(1001, "[]")
				})
				w := resolveOrFail(t, New(client, "svc"), "")
				expect(t, w, "+10.0.0.1:80")
				defer time.AfterFunc(test.end+2*time.Minute, w.Close).Stop() // else a failure would take forever
				got, err := w.Next()
				if err != nil || text(got) != "-10.0.0.1:80" {
					t.Errorf("Next: %v, %v", got, err)
				}
				if took := time.Since(began) - test.end; test.first < far && took > 2*time.Second {
					t.Errorf("the end of it is seen after %v, want 2s at most", took)
				}
				if n := seen.count(); n > test.queries {
					t.Errorf("%d queries, want at most %d", n, test.queries)
				}
				w.Close()
				synctest.Wait()
			})
		})
	}
}

// Whoever answers after an error may not have reached the index.
func TestNoIndexAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			switch seen.add(r) {
			case 1:
				return reply(7, "[]")
			case 2:
				return nil, errRefused
			}
			return silent(r)
		})
		w := resolveOrFail(t, New(client, "svc"), "")
		done := drain(w)
		for seen.count() < 3 {
			time.Sleep(time.Second)
		}
		if !strings.Contains(seen.urls[1], "index=7") || strings.Contains(seen.urls[2], "index") {
			t.Errorf("queries %q, want index=7 in the second and none in the third", seen.urls)
		}
		w.Close()
		<-done
	})
}

// Close ends the wait for a retry.
func TestCloseWhileRetrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, w, done := refused(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		began := time.Now()
		w.Close()
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("Next returned %v after Close", took)
		}
	})
}

// A retry that comes after a success is prompt again.
func TestBackoffStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			if n := seen.add(r); n == 20 {
				return reply(1, "[]")
			}
			return nil, errRefused
		})
		w := resolveOrFail(t, New(client, "svc"), "")
		done := drain(w)
		for seen.count() < 22 {
			time.Sleep(time.Second)
		}
		if d := seen.times[21].Sub(seen.times[20]); d > 2*firstRetry {
			t.Errorf("the retry after a success comes after %v, want about %v", d, firstRetry)
		}
		w.Close()
		<-done
	})
}
