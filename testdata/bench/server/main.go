// Command server is what the benchmarks talk to, in a process apart from what is
// measured. It prints an address, or several with commas between them, and runs
// until its standard input is closed.
//
//	server backends N
//	server answers CONSUL SERVICE INSTANCES
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	addrs, err := serve(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(addrs, ","))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serve(args []string) ([]string, error) {
	switch {
	case len(args) == 2 && args[0] == "backends":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return nil, err
		}
		return backends(n)
	case len(args) == 4 && args[0] == "answers":
		n, err := strconv.Atoi(args[3])
		if err != nil {
			return nil, err
		}
		return answers(args[1], args[2], n)
	}
	return nil, errors.New("usage: server backends N | server answers CONSUL SERVICE INSTANCES")
}
