package peers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	long     = flag.Bool("long", false, "let faults last as long as docs/peers.md says")
	pageOut  = flag.String("page", "", "`file` for the tables, with the commit")
	measured = flag.String("measured", "", "`file` with what testdata/bench has measured, for the tables")
)

// samples is how many processes of each client meet a fault.
func samples() int {
	if *long {
		return 3
	}
	return 1
}

// span is how long something lasts in the short form and in the long one.
func span(short, inLong time.Duration) time.Duration {
	if *long {
		return inLong
	}
	return short
}

// given is how long a client has to recover, until it is said that it does not.
func given() time.Duration { return span(3*time.Second, 60*time.Second) }

func TestMain(m *testing.M) {
	// What the developer has set must not decide about figures.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CONSUL_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name)
		}
	}
	if spec := os.Getenv(childEnv); spec != "" {
		if err := child(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	// Faults wait most of the time.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	code := m.Run()
	if code == 0 && *pageOut != "" {
		if err := writePage(*pageOut, *measured); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
