package modernize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
	"google.golang.org/grpc"
)

// TestBehaviourStays runs a program before and after, and compares what it prints.
func TestBehaviourStays(t *testing.T) {
	before, after, src := beforeAndAfter(t, "testdata/behaviour/main.go")
	if strings.Contains(src, "grpc.Dial(") || strings.Contains(src, "grpc.DialContext(") {
		t.Errorf("it dials as before:\n%s", src)
	}
	if after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestOptionsStay does that with options. What notes name is different, and nothing
// else.
func TestOptionsStay(t *testing.T) {
	before, after, src := beforeAndAfter(t, "testdata/options/main.go")
	for _, option := range []string{"FailFast", "MaxMsgSize", "WithMaxMsgSize", "WithCodec", "CallCustomCodec", "CustomCodec", "WithDialer",
		"WithBackoffMaxDelay", "WithBackoffConfig", "WithCompressor", "RPCDecompressor"} {
		if strings.Contains(src, "grpc."+option+"(") {
			t.Errorf("it uses %s as before:\n%s", option, src)
		}
	}
	const ok = "  OK, content-type [application/grpc], in , accepts "
	want := strings.ReplaceAll(before, "accepts []", "accepts [gzip]")
	for _, option := range []string{"WithCodec", "CallCustomCodec"} {
		answered := option + "\n  the answer is in \"\"\n"
		now := answered + strings.Replace(ok, "grpc]", "grpc+own]", 1)
		if semver.Compare("v"+grpc.Version, "v1.66.0") >= 0 && !strings.Contains(before, answered+ok) {
			t.Errorf("before, %s has the codec's name in its content-type", option)
		}
		want = strings.Replace(want, answered+ok, now, 1)
	}
	want = strings.Replace(want, "WithCompressor\n  the answer is in \"\"", "WithCompressor\n  the answer is in \"gzip\"", 1)
	if after != want {
		t.Errorf("before:\n%s\nafter:\n%s\nwant:\n%s", before, after, want)
	}
}

// beforeAndAfter runs a program, rewrites it, and runs it again.
func beforeAndAfter(t *testing.T, program string) (before, after, rewritten string) {
	t.Helper()
	dir := newModule(t)
	main := filepath.Join(dir, "main.go")
	src, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	write(t, main, string(src))
	if before, err = run(t, dir, "go", "run", "-mod=mod", "."); err != nil {
		t.Fatalf("%v\n%s", err, before)
	}
	o := runIn(t, dir)
	for _, r := range o.Files {
		write(t, r.Name, string(r.New))
	}
	if o.Left() {
		t.Errorf("something is left: %v", o.Reports)
	}
	if src, err = os.ReadFile(main); err != nil {
		t.Fatal(err)
	}
	if after, err = run(t, dir, "go", "run", "-mod=mod", "."); err != nil {
		t.Fatalf("%v\n%s", err, after)
	}
	return before, after, string(src)
}
