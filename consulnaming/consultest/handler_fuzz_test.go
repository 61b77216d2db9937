package consultest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzHandler sends a script of requests, one a line: method, target, body. None
// makes the server panic; none is answered with 5xx, but where a real agent does
// that too or the stand-in says that it does not support something; each answer
// is JSON or text; and the catalogue stays consistent, also when TTLs have passed
// and services been reaped. Without the right token nothing but 403 is answered.
//
// Requests go to the handler, and not over TCP; gRPC checks are left out, as they
// would be carried out.
func FuzzHandler(f *testing.F) {
	const web = `PUT /v1/agent/service/register {"ID":"a","Name":"web","Address":"10.0.0.1","Port":80,"Tags":["x"],"Check":{"TTL":"10s","DeregisterCriticalServiceAfter":"1m"}}`
	for _, script := range []string{
		web + "\nGET /v1/health/service/web?passing&tag=x\nPUT /v1/agent/check/pass/service:a?note=fine\nGET /v1/health/service/WEB?passing=1&index=2&wait=10s",
		web + "\nPUT /v1/agent/check/update/service:a {\"Status\":\"warning\",\"Output\":\"o\"}\nPUT /v1/agent/service/deregister/a\nGET /v1/agent/services",
		`PUT /v1/agent/service/register?replace-existing-checks=true {"Name":"w","Checks":[null,{"TTL":1,"CheckID":"c"},{"TTL":"1h","CheckID":"c"}],"Meta":{"k":"v"},"Weights":{"Passing":2,"Warning":1}}` + "\n" +
			`PUT /v1/agent/check/register {"ID":"c","Name":"n","ServiceID":"w","TTL":"1s","Status":"passing"}` + "\nPUT /v1/agent/check/fail/c\nPUT /v1/agent/check/deregister/c",
		"GET /v1/agent/self\nGET /v1/status/leader\nGET /v1/catalog/nodes\nDELETE /v1/agent/self\nGET /v1/health/service/\nGET /",
		"GET /v1/health/service/x?stale&consistent\nGET /v1/health/service/x?dc=other\nGET /v1/health/service/x?index=-1\nGET /v1/health/service/x?wait=x\nGET /v1/health/service/x?ns=n\nGET /v1/health/service/x?passing=x\nGET /v1/health/service/x?filter=x",
		"PUT /v1/agent/service/register null\nPUT /v1/agent/service/register []\nPUT /v1/agent/service/register {\"Name\":\"x\",\"Connect\":{\"Native\":true}}\nPUT /v1/agent/service/register\nPUT /v1/agent/check/register {}",
		"PUT /v1/agent/service/register {\"Name\":\"\xff\\u0000\",\"Port\":-1,\"Address\":\"0.0.0.0\"}\nGET /v1/health/service/%ff%00",
	} {
		f.Add(script, "", "")
		f.Add(script, "secret", "secret")
		f.Add(script, "secret", "wrong")
	}
	f.Fuzz(func(t *testing.T, script, token, sent string) {
		synctest.Test(t, func(t *testing.T) { fuzzHandler(t, script, token, sent) })
	})
}

func fuzzHandler(t *testing.T, script, token, sent string) {
	root, cancel := context.WithCancel(context.Background())
	s := newServer(root)
	s.SetToken(token)
	defer s.catalog.close()
	defer cancel()
	refused := token != "" && sent != token
	n := 0
	for line := range strings.Lines(script) {
		if n++; n > 50 {
			break
		}
		method, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		target, body, _ := strings.Cut(rest, " ")
		u, err := url.ParseRequestURI(target)
		if err != nil || method == "" || hasGRPC(body) {
			continue // net/http answers those
		}
		ctx, cancel := context.WithTimeout(root, time.Minute)
		r := (&http.Request{Method: method, URL: u, Header: http.Header{"X-Consul-Token": {sent}}, Body: http.NoBody}).WithContext(ctx)
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		w := httptest.NewRecorder()
		aborted := handled(s, w, r)
		ended := ctx.Err() != nil
		cancel()
		if aborted && !ended {
			t.Fatalf("%s: the connection is closed without an answer", line)
		}
		if !aborted {
			checkAnswer(t, line, w, refused)
		}
		checkCatalog(t, line, s.catalog)
		if stats := s.Stats(); stats.Open != 0 || stats.Blocked != 0 || stats.Requests < stats.Queries {
			t.Fatalf("%s: %+v after the answer", line, stats)
		}
	}
	if refused && len(s.catalog.list()) > 0 {
		t.Fatal("without the token, something has been registered")
	}
	for _, d := range []time.Duration{time.Second, time.Hour, 1000 * time.Hour} {
		time.Sleep(d) // TTLs pass, services are reaped
		synctest.Wait()
		checkCatalog(t, fmt.Sprint("after ", d), s.catalog)
	}
}

// handled says whether the handler closed the connection, as it does when the
// client is gone.
func handled(s *Server, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			aborted = true
		} else if p != nil {
			panic(p)
		}
	}()
	s.handle(w, r)
	return false
}

func checkAnswer(t *testing.T, line string, w *httptest.ResponseRecorder, refused bool) {
	t.Helper()
	text := w.Body.String()
	if refused && w.Code != http.StatusForbidden || !refused && w.Code == http.StatusForbidden {
		t.Fatalf("%s: %d %s", line, w.Code, text)
	}
	switch {
	case w.Code == http.StatusNotImplemented && strings.Contains(text, "is not supported by this stand-in"):
	case w.Code == http.StatusInternalServerError && (text == "No path to datacenter" || strings.HasSuffix(text, "does not have associated TTL")):
		// so says Consul 1.22
	case w.Code >= 500:
		t.Fatalf("%s: %d %s", line, w.Code, text)
	}
	switch kind := w.Header().Get("Content-Type"); {
	case w.Code == http.StatusOK && kind == "application/json":
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: not JSON: %s", line, text)
		}
	case w.Code == http.StatusOK:
		if text != "" {
			t.Fatalf("%s: %q of type %q", line, text, kind)
		}
	case !strings.HasPrefix(kind, "text/plain") || text == "":
		t.Fatalf("%s: %d %q of type %q", line, w.Code, text, kind)
	}
}

// checkCatalog looks for what contradicts itself.
func checkCatalog(t *testing.T, when string, c *catalog) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.index < 1 || c.pending {
		t.Fatalf("%s: index %d, pending %v", when, c.index, c.pending)
	}
	for id, s := range c.services {
		if s.ID != id || s.Service == "" || s.CreateIndex > s.ModifyIndex || s.ModifyIndex > c.index || s.ModifyIndex > c.last[strings.ToLower(s.Service)] {
			t.Fatalf("%s: service %q is %+v at index %d, of its name %v", when, id, s, c.index, c.last)
		}
	}
	for id, ck := range c.checks {
		if ck.CheckID != id || c.services[ck.ServiceID] == nil || !validStatus(ck.Status) || ck.CreateIndex > ck.ModifyIndex || ck.ModifyIndex > c.index {
			t.Fatalf("%s: check %q is %+v at index %d", when, id, ck, c.index)
		}
	}
	for name, index := range c.last {
		if index > c.index {
			t.Fatalf("%s: %q changed at index %d, which is to come after %d", when, name, index, c.index)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// hasGRPC says whether body may define a gRPC check, however it is spelt.
func hasGRPC(body string) bool {
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if key, ok := token.(string); ok && strings.EqualFold(key, "grpc") {
			return true
		}
	}
}
