package consulnaming

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// writeFile writes as Kubernetes does: the file is whole at any time.
func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// A token is rotated on a real Consul: another is made, written to the file, and the
// first deleted. Two watchers share one query before and after that, no instance goes,
// and the next change is there within two seconds.
func TestTokenIsRotated(t *testing.T) {
	a, _ := denyingAgent(t)
	acl := a.Client().ACL()
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: "read", Rules: readAll}, nil)
	if err != nil {
		t.Fatal(err)
	}
	create := func() *api.ACLToken {
		t.Helper()
		token, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLTokenPolicyLink{{ID: policy.ID}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	file := filepath.Join(t.TempDir(), "token")
	first := create()
	writeFile(t, file, first.SecretID)
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", file)

	register(t, a, "svc", "a", "10.0.0.1", 80)
	w := watching(t, NewConsulResolver(a.Address(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	second := create()
	writeFile(t, file, second.SecretID+"\n")
	if _, err := acl.TokenDelete(first.AccessorID, nil); err != nil {
		t.Fatal(err)
	}
	register(t, a, "svc", "b", "10.0.0.2", 80)
	changed := time.Now()
	expect(t, w, "+10.0.0.2:80")
	if took := time.Since(changed); took > 2*time.Second {
		t.Errorf("the change is there after %v, want 2s at most", took)
	}
	later := watching(t, NewConsulResolver(a.Address(), "svc"))
	expect(t, later, "+10.0.0.1:80 +10.0.0.2:80")
	if later.query != w.query {
		t.Error("a watcher that came later has a query of its own")
	}

	// And once more while the file has not been written yet.
	if _, err := acl.TokenDelete(second.AccessorID, nil); err != nil {
		t.Fatal(err)
	}
	reasons := make(chan error, 100)
	w.OnError(func(err error) {
		if err != nil {
			reasons <- err
		}
	})
	got := nextLater(w)
	register(t, a, "svc", "c", "10.0.0.3", 80)
	select {
	case err := <-reasons:
		if strings.Contains(err.Error(), second.SecretID) {
			t.Errorf("the reason shows the token that came later: %v", err)
		}
	case u := <-got:
		t.Fatalf("Next: %s with a deleted token", u)
	case <-time.After(patience):
		t.Fatal("nobody says that the token is not known")
	}
	writeFile(t, file, create().SecretID)
	changed = time.Now()
	expectLater(t, got, "+10.0.0.3:80")
	if took := time.Since(changed); took > 2*time.Second {
		t.Errorf("the new token is used after %v, want 2s at most", took)
	}
}

// While a file is written it may be empty or missing, and what is in it may make no
// client: what was in it before is used until there is something better.
func TestFileIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	token, root := filepath.Join(dir, "token"), filepath.Join(dir, "ca.pem")
	writeFile(t, token, "one")
	writeFile(t, root, certificate(t))
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", token)
	t.Setenv("CONSUL_CACERT", root)
	s := standIn(t)
	var used string
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		used = r.Header.Get("X-Consul-Token")
		next.ServeHTTP(w, r)
	})
	q := resolveOrFail(t, NewConsulResolver(s.Address(), "svc"), "").query
	defer q.closeIdle()
	log := logged.Mark()
	for _, step := range []struct {
		what  string
		do    func()
		fresh bool
		token string
	}{
		{"nothing changes", func() {}, false, "one"},
		{"the token is emptied", func() { writeFile(t, token, " \n") }, false, "one"},
		{"the token is removed", func() { os.Remove(token) }, false, "one"},
		{"the root is none", func() { writeFile(t, token, "two"); writeFile(t, root, "no certificate") }, false, "one"},
		{"it still is none", func() {}, false, "one"},
		{"both are whole", func() { writeFile(t, root, certificate(t)) }, true, "two"},
	} {
		step.do()
		if fresh := q.refresh(); fresh != step.fresh {
			t.Errorf("%s: something new: %v, want %v", step.what, fresh, step.fresh)
		}
		if _, _, err := q.ask(t.Context(), position{}); err != nil || used != step.token {
			t.Errorf("%s: asked with %q (%v), want %q", step.what, used, err, step.token)
		}
	}
	if text := log(); strings.Count(text, "make no client") != 1 || strings.Contains(text, "two") {
		t.Errorf("log %q, want one line about the root", text)
	}
}

// A token that came later is hidden as the first one was, and those between them do not
// gather.
func TestRotatedTokenIsHidden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, "first-secret")
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", file)
	q := resolveOrFail(t, NewConsulResolver("127.0.0.1:1", "svc"), "").query
	hidden := len(q.secrets)
	for i := range 10 {
		token := fmt.Sprintf("secret-%d", i)
		writeFile(t, file, token)
		if !q.refresh() || q.refresh() {
			t.Fatal("a new token is used once")
		}
		if text := q.secrets.hide(token + " first-secret"); text != hiddenText+" "+hiddenText {
			t.Errorf("%q is shown", text)
		}
	}
	if n := len(q.secrets); n != hidden+1 {
		t.Errorf("%d secrets after ten rotations, %d before", n, hidden)
	}
}

// Each file that the environment may name is looked at.
func TestEveryFileOfTheEnvironment(t *testing.T) {
	for name, config := range map[string]func(file string) api.Config{
		"TokenFile": func(file string) api.Config { return api.Config{TokenFile: file} },
		"CAFile":    func(file string) api.Config { return api.Config{TLSConfig: api.TLSConfig{CAFile: file}} },
		"CAPath":    func(file string) api.Config { return api.Config{TLSConfig: api.TLSConfig{CAPath: filepath.Dir(file)}} },
		"CertFile":  func(file string) api.Config { return api.Config{TLSConfig: api.TLSConfig{CertFile: file}} },
		"KeyFile":   func(file string) api.Config { return api.Config{TLSConfig: api.TLSConfig{KeyFile: file}} },
	} {
		file := filepath.Join(t.TempDir(), "file")
		e := &environment{config: config(file)}
		if _, whole := e.read(); whole && name != "CAPath" {
			t.Errorf("%s: a file that is not there is whole", name)
		}
		sums := make(map[[32]byte]bool)
		for _, content := range []string{"one", "two", "one"} {
			writeFile(t, file, content)
			sum, whole := e.read()
			if sums[sum] = true; !whole {
				t.Errorf("%s: %q is not whole", name, content)
			}
		}
		if len(sums) != 2 {
			t.Errorf("%s: %d different contents, want 2", name, len(sums))
		}
	}
}
