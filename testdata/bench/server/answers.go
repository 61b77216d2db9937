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

// answering repeats two answers in turn, with and without one instance, for any
// service. A query with the current index waits for POST /change/SERVICE, which
// itself waits for that query, as does POST /await/SERVICE.
type answering struct {
	answers [2]recorded

	mu       sync.Mutex // guards what follows
	changed  *sync.Cond
	services map[string]*position
}

type position struct {
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
	a := &answering{services: make(map[string]*position)}
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
	mux.HandleFunc("GET /v1/health/service/{service}", a.query)
	mux.HandleFunc("POST /await/{service}", func(w http.ResponseWriter, r *http.Request) { a.await(w, r, 0) })
	mux.HandleFunc("POST /change/{service}", func(w http.ResponseWriter, r *http.Request) { a.await(w, r, 1) })
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

// of is called with the lock held.
func (a *answering) of(r *http.Request) *position {
	service := r.PathValue("service")
	p := a.services[service]
	if p == nil {
		p = &position{index: 1000}
		a.services[service] = p
	}
	return p
}

func (a *answering) query(w http.ResponseWriter, r *http.Request) {
	index, _ := strconv.ParseUint(r.URL.Query().Get("index"), 10, 64) // none is 0
	a.mu.Lock()
	p := a.of(r)
	if index == p.index {
		p.waiting++
		a.changed.Broadcast()
		for index == p.index {
			a.changed.Wait()
		}
		p.waiting--
	}
	index = p.index
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

// await waits for a query that waits, and lets so many changes happen then.
func (a *answering) await(w http.ResponseWriter, r *http.Request, changes uint64) {
	a.mu.Lock()
	p := a.of(r)
	for p.waiting == 0 {
		a.changed.Wait()
	}
	p.index += changes
	a.changed.Broadcast()
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
