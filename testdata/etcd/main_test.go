package etcd

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var tableOut = flag.String("table", "", "`file` for the tables, with the commit")

func TestMain(m *testing.M) {
	if os.Getenv(memberEnv) != "" {
		a := os.Args[1:]
		if err := runMember(a[0], a[1], a[2], a[3], a[4]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	code := m.Run()
	if err := table.write(*tableOut); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
