package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/testdata/bench/catalog"
)

// recorded is an answer of the real Consul, compressed as it came.
type recorded struct {
	header http.Header
	body   []byte
}

// answering repeats two answers in turn, with and without one instance. A query
// with the current index waits for POST /change, which itself waits for that
// query.
type answering struct {
	answers [2]recorded

	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	index   uint64
	waiting int // queries
}

// answers fills consul with so many instances of service and serves what it says
// about them.
func answers(consul, service string, instances int) ([]string, error) {
	c, err := api.NewClient(&api.Config{Address: consul})
	if err != nil {
		return nil, err
	}
	if err := catalog.Fill(c, service, instances-1); err != nil {
		return nil, err
	}
	a := &answering{index: 1000}
	a.changed = sync.NewCond(&a.mu)
	if a.answers[0], err = record(consul, service); err != nil {
		return nil, err
	}
	if err := catalog.Add(c, service, instances-1); err != nil {
		return nil, err
	}
	if a.answers[1], err = record(consul, service); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/health/service/", a.query)
	mux.HandleFunc("POST /change", a.change)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		fmt.Fprintln(os.Stderr, "server:", http.Serve(l, mux))
		os.Exit(1)
	}()
	return []string{l.Addr().String()}, nil
}

// record asks as package api does.
func record(consul, service string) (r recorded, err error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+consul+"/v1/health/service/"+service+"?passing=1", nil)
	if err != nil {
		return r, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return r, fmt.Errorf("GET %s: %s", request.URL, response.Status)
	}
	r.header = response.Header
	r.body, err = io.ReadAll(response.Body)
	return r, err
}

func (a *answering) query(w http.ResponseWriter, r *http.Request) {
	index, _ := strconv.ParseUint(r.URL.Query().Get("index"), 10, 64) // none is 0
	a.mu.Lock()
	if index == a.index {
		a.waiting++
		a.changed.Broadcast()
		for index == a.index {
			a.changed.Wait()
		}
		a.waiting--
	}
	index = a.index
	a.mu.Unlock()
	answer := a.answers[index%2]
	for _, key := range []string{"Content-Encoding", "Content-Type", "Vary", "X-Consul-Default-Acl-Policy",
		"X-Consul-Effective-Consistency", "X-Consul-Knownleader", "X-Consul-Lastcontact", "X-Consul-Query-Backend"} {
		if values := answer.header[key]; values != nil {
			w.Header()[key] = values
		}
	}
	w.Header().Set("X-Consul-Index", strconv.FormatUint(index, 10))
	_, _ = w.Write(answer.body)
}

func (a *answering) change(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	for a.waiting == 0 {
		a.changed.Wait()
	}
	a.index++
	a.changed.Broadcast()
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
