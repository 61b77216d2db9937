package faults

import (
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

var (
	soakTime = flag.Duration("soak", 3*time.Second, "how long the soak churns under faults")
	soakSeed = flag.Uint64("seed", 0, "chooses the faults of the soak; 0 for another each time")
	soakSVG  = flag.String("svg", "", "`file` for the soak's picture")
	soakCSV  = flag.String("csv", "", "`file` for the soak's samples")
)

// spell is a fault that lasts for some time.
type spell struct {
	name       string
	begin, end func() error
}

// TestSoak has faults come one after the other, under churn and with ClientConns
// that come and go. Nothing else may run in this process.
func TestSoak(t *testing.T) {
	agent := startAgent(t, consulagent.Config{Persistent: true})
	tr := newTrial(t, "soak, "+soakTime.String())
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	door := newDoor(t, agent.Address())
	client := tr.dial(source{agent: door.address()})
	instances := tr.newPool()
	tr.begin()
	var before usage
	tr.resting(func() { before = use() })

	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	churn := tr.startChurn(instances)
	crowd := tr.startCrowd(door.address())
	samples := startSampling(tr, client, min(time.Second, *soakTime/50))
	spells := append(door.spells(),
		spell{"agent killed", agent.Kill, func() error { return restart(agent) }},
		spell{"agent stopped", agent.Pause, agent.Resume},
	)
	// A spell of 2 to 15 s after a pause of 1 to 5, in twenty minutes.
	unit := min(time.Second, *soakTime/20)
	for turn := 0; time.Since(samples.began) < *soakTime; turn++ {
		if turn%len(spells) == 0 { // all of them, in another order each time
			random.Shuffle(len(spells), func(i, j int) { spells[i], spells[j] = spells[j], spells[i] })
		}
		time.Sleep(unit + time.Duration(random.Int64N(int64(4*unit))))
		s := spells[turn%len(spells)]
		samples.enter(s.name)
		tr.must(s.begin())
		time.Sleep(2*unit + time.Duration(random.Int64N(int64(13*unit))))
		tr.must(s.end())
		samples.enter("")
		ended := time.Now()
		churn.gate.Lock()
		took := tr.converge().Sub(ended)
		churn.gate.Unlock()
		tr.inTime(s.name+" was over and gRPC had the current set", took, soon)
	}
	samples.stop()
	crowd.stop()
	churn.stop()
	tr.over(func() { tr.clear(instances) })
	t.Logf("%d changes, %d ClientConns", churn.changes.Load(), crowd.opened.Load())

	svg, csv := *soakSVG, *soakCSV
	if svg == "" {
		svg = filepath.Join(t.TempDir(), "soak.svg")
	}
	if csv == "" {
		csv = filepath.Join(t.TempDir(), "soak.csv")
	}
	tr.must(samples.write(csv))
	tr.must(samples.draw(svg))
	samples = nil
	givenBack(t, before)
}

// spells are faults between the client and the agent.
func (d *door) spells() (all []spell) {
	for _, f := range []struct {
		name  string
		fault consultest.Fault
	}{
		{"HTTP 500", consultest.Status(http.StatusInternalServerError, "No cluster leader")},
		{"HTTP 429", consultest.Status(http.StatusTooManyRequests, "too many")},
		{"HTML", consultest.Body("text/html", "<html>Log in, please</html>")},
		{"JSON null", indexed("null")},
		{"cut answers", unblocked(consultest.CutBody(100))},
		{"no index", unblocked(consultest.Index(""))},
		{"index going back", unblocked(goingBack())},
		{"index of 64 bits", consultest.Index("18446744073709551615")},
		{"connections reset", reset},
		{"byte by byte", trickle},
		{"silence", consultest.Silence()},
	} {
		all = append(all, spell{
			name:  f.name,
			begin: func() error { d.set(f.fault); return nil },
			end:   func() error { d.set(nil); return nil },
		})
	}
	return all
}

// trickle lets each byte of an answer come a millisecond after the one before:
// answers arrive seconds late. With a tenth of a second, as in TestNetwork, none
// arrives at all, as in silence.
func trickle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(trickler{w, r.Context()}, r)
}

type trickler struct {
	http.ResponseWriter
	ctx context.Context
}

func (t trickler) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := t.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
		t.Flush()
		select {
		case <-time.After(time.Millisecond):
		case <-t.ctx.Done():
			return i + 1, t.ctx.Err()
		}
	}
	return len(p), nil
}

func (t trickler) Flush() { _ = http.NewResponseController(t.ResponseWriter).Flush() }
