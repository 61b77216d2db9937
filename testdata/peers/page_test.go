package peers

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

// The tables of docs/peers.md, in their order.
var (
	crashed    = column{name: "crashed"}
	rpcsFailed = column{name: "RPCs failed", format: whole, total: true,
		why: "Ours do as the agent says that there is no instance, as the article did; whoever does not hear it goes on."}
	setAfter = column{name: "current set after", format: seconds, why: "When a client asks again is chance."}

	downAtDial = newTable("Consul is down at dial",
		"The agent comes up five seconds after Dial, and the instances are registered at once. The first RPC is counted from then.\n"+
			"simplesurance asks again when grpc-go calls ResolveNow, which it does when a connection is lost: here there is none.",
		column{name: "first RPC after", format: seconds, why: "When a client asks again is chance; ours do within 1.5 s."},
		column{name: "an RPC meanwhile"}, crashed)
	backLower = newTable("Consul is dead for 8 s and back with a lower index",
		"The agent has lost its state. For a second it knows no instance; then two of three are registered anew, and another one instead\n"+
			"of the third, which runs on: only Consul says that it is gone. The current set is counted from the last registration.\n"+
			"mbobakov asks with its old index, and so gets nothing new until the query's wait is over, five minutes by default.",
		rpcsFailed, setAfter, crashed)
	backLowerStopped = newTable("The same, and the third has stopped when Consul did",
		"RPCs that were under way there may fail. simplesurance asks again each time it has failed to connect to the third.",
		rpcsFailed, setAfter, crashed)
	refused = newTable("Consul answers 429 for 5 s",
		"A proxy before a real agent does. Meanwhile an instance joins.",
		rpcsFailed, column{name: "queries sent", format: whole, why: "Who does not ask again sends the fewest."},
		column{name: "the instance that joined is called after", format: seconds,
			why: "Ours ask less often the longer they are refused, each 10 s in the end, so as not to add to what the agent has too much of."},
		crashed)
	tagged = newTable("Two tags are wanted",
		"Four instances: one without tags, one with a, one with b, one with both. Those with both are wanted. mbobakov has one tag.",
		column{name: "calls the instances"}, crashed)
)

var faultTables = []*table{downAtDial, backLower, backLowerStopped, refused, tagged}

func seconds(s float64) string {
	switch {
	case math.IsInf(s, 1):
		return fmt.Sprintf("never within %.0f s", given().Seconds())
	case s < 0.01: // where a tenth decides
		return fmt.Sprintf("%.1f ms", 1e3*s)
	case s < 1:
		return fmt.Sprintf("%.0f ms", 1e3*s)
	}
	return fmt.Sprintf("%.1f s", s)
}

func whole(n float64) string { return fmt.Sprintf("%.0f", n) }

// says is what calls have got: codes, how fast, and the last text of each.
func says(calls []call, consul string) string {
	type answer struct {
		took time.Duration
		desc string
	}
	last := make(map[string]answer)
	for _, one := range calls {
		if one.Code != "" {
			last[one.Code] = answer{one.Ended.Sub(one.Began), one.Desc}
		}
	}
	var list []string
	for code, a := range last {
		took := "at once"
		if a.took > rpcTime/2 {
			took = "after " + seconds(a.took.Seconds())
		}
		desc := strings.ReplaceAll(a.desc, consul, "CONSUL")
		list = append(list, fmt.Sprintf("%s %s: %s", code, took, desc))
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

const pageHead = `# Consul resolvers for grpc-go beside each other

%[1]smake peers%[1]s wrote this at %[2]s, with %[3]s on %[4]d cores, grpc-go %[5]s, Consul %[6]s and its package api %[7]s, in one run
on one machine. WithBalancer is adapter.RoundRobin over consulnaming.NewConsulResolver; the others have grpc-go's own round_robin.
NewBuilder is consulnaming's; mbobakov is github.com/mbobakov/grpc-consul-resolver %[8]s with healthy=true, as without it
critical instances are called; simplesurance is github.com/simplesurance/grpcconsulresolver %[9]s. The rest is as they have
it by default. See [testdata/peers](../testdata/peers/README.md).

A ClientConn makes one RPC after the other, 25 ms apart, fail-fast, with a deadline of a second. Where there are faults,
three processes of each client meet them at the same time; shown is the median, and the least and the most in brackets.
Below a table is each figure in which mbobakov or simplesurance is better than one of ours, by more than a tenth.

`

// writePage writes all tables. bench is what testdata/bench has measured, or "".
func writePage(path, bench string) error {
	tables := faultTables
	if bench != "" {
		more, err := readBench(bench)
		if err != nil {
			return err
		}
		tables = append(slices.Clone(tables), more...)
	}
	head, err := pageHeading()
	if err != nil {
		return err
	}
	var parts []string
	for _, t := range tables {
		if len(t.cells) > 0 { // its test has run
			parts = append(parts, t.String())
		}
	}
	return os.WriteFile(path, []byte(head+strings.Join(parts, "\n")), 0o666)
}

func pageHeading() (string, error) {
	consul, err := consulagent.Find()
	if err != nil {
		return "", err
	}
	commit, err := output("git", "describe", "--always", "--dirty")
	if err != nil {
		return "", err
	}
	consulVersion, err := output(consul, "version")
	if err != nil {
		return "", err
	}
	consulVersion, _, _ = strings.Cut(strings.TrimPrefix(consulVersion, "Consul "), "\n")
	list, err := output("go", "list", "-m", "-f", "{{.Version}}", "google.golang.org/grpc", "github.com/hashicorp/consul/api",
		"github.com/mbobakov/grpc-consul-resolver", "github.com/simplesurance/grpcconsulresolver")
	if err != nil {
		return "", err
	}
	v := strings.Fields(list)
	if len(v) != 4 {
		return "", fmt.Errorf("go list says %q, want four versions", list)
	}
	return fmt.Sprintf(pageHead, "`", commit, runtime.Version(), runtime.NumCPU(), v[0], consulVersion, v[1], v[2], v[3]), nil
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
