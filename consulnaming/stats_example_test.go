package consulnaming_test

import (
	"expvar"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming"
)

// fresh is a health check that fails when a watch has had no answer for longer than
// that. An agent that is well answers once a minute, also when nothing changes.
func fresh(most time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, s := range consulnaming.Stats() {
			if age := time.Since(s.LastAnswer); age > most {
				http.Error(w, fmt.Sprintf("%s: no answer for %v: %s", s.Service, age, s.LastError), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "all watches are fresh")
	}
}

// The watches of a process at /debug/vars, and a health check of its own for them.
func ExampleStats() {
	consul, b := demo()
	defer consul.Close()
	defer b.Stop()

	expvar.Publish("consul", expvar.Func(func() any { return consulnaming.Stats() }))
	healthz := httptest.NewServer(fresh(3 * time.Minute))
	defer healthz.Close()

	watcher, err := consulnaming.NewConsulResolver(consul.Address(), "add").Resolve("")
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	if _, err := watcher.Next(); err != nil {
		log.Fatal(err)
	}

	for _, s := range consulnaming.Stats() {
		fmt.Println(s.Service, s.Watchers, s.Instances, s.LastError == "")
	}
	response, err := http.Get(healthz.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode)
	// Output:
	// add 1 1 true
	// 200
}

// The client of New is the caller's, and so is the rotation of its token: headers that
// are set on it count from the next query on.
func ExampleNew_rotatedToken() {
	consul, b := demo()
	defer consul.Close()
	defer b.Stop()
	client := consul.Client()

	watcher, err := consulnaming.New(client, "add").Resolve("")
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	client.SetHeaders(http.Header{"X-Consul-Token": {"the new token"}}) // whenever it changes
	updates, err := watcher.Next()
	fmt.Println(len(updates), err)
	// Output: 1 <nil>
}
