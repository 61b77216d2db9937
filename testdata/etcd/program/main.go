// Command program is a program of 2020 that uses etcd's clientv3. The test that
// runs it writes a line to its standard input for what it is to do next, and
// reads the answer, a line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/coreos/etcd/clientv3"
	"google.golang.org/grpc"
)

// An answer is what the program says of the time since its last answer.
type answer struct {
	GRPC    string
	Puts    int            // that succeeded
	Failed  map[string]int // puts, by error
	Members map[uint64]int // puts, by the member that answered
	Gap     float64        // seconds, the longest that a writer went without success
	CPU     float64        // seconds

	Probes map[string]string // errors, by what was called

	Unseen     int    // puts that the watch has missed
	Lost       string // what became of the lease; "" if it lives
	Goroutines int    // more than before there was a client
	Stacks     string `json:",omitempty"`
}

func main() {
	endpoints := flag.String("endpoints", "", "comma-separated")
	flag.Parse()
	log.SetFlags(log.Lmicroseconds)
	before := runtime.NumGoroutine()
	if flag.Arg(0) == "secure" {
		a, err := secure(strings.Split(*endpoints, ","), flag.Arg(1))
		if err != nil {
			log.Fatal("secure: ", err)
		}
		a.Goroutines, a.Stacks = left(before)
		say(a)
		return
	}
	client, err := dial(strings.Split(*endpoints, ","), 5*time.Second)
	if err != nil {
		log.Fatal("clientv3.New: ", err)
	}
	var a answer
	switch flag.Arg(0) {
	case "load":
		if err := basics(client); err != nil {
			log.Fatal("basics: ", err)
		}
		a = serve(client)
	case "naming":
		if err := follow(client); err != nil {
			log.Fatal("naming: ", err)
		}
	default:
		log.Fatalf("no such task: %q", flag.Arg(0))
	}
	if err := client.Close(); err != nil {
		log.Print("Close: ", err)
	}
	a.Goroutines, a.Stacks = left(before)
	say(a)
}

func dial(endpoints []string, timeout time.Duration) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		DialTimeout: timeout,
		DialOptions: []grpc.DialOption{grpc.WithBlock()},
	})
}

// serve answers until it is told to quit.
func serve(client *clientv3.Client) answer {
	l, err := startLoad(client)
	if err != nil {
		log.Fatal("load: ", err)
	}
	say(answer{})
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch command := in.Text(); command {
		case "mark":
			say(l.mark())
		case "rest", "work":
			l.rest(command == "rest")
			say(l.mark())
		case "probe":
			a := l.mark()
			a.Probes = probe(client)
			say(a)
		case "quit":
			return l.finish()
		}
	}
	log.Fatal("standard input has ended")
	return answer{}
}

func say(a answer) {
	a.GRPC = grpc.Version
	line, err := json.Marshal(a)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

// left counts the goroutines that a closed client has left, when they have had
// the time to end.
func left(before int) (n int, stacks string) {
	for i := 0; i < 500 && runtime.NumGoroutine() > before; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if n = runtime.NumGoroutine() - before; n <= 0 {
		return 0, ""
	}
	buf := make([]byte, 1<<20)
	return n, string(buf[:runtime.Stack(buf, true)])
}
