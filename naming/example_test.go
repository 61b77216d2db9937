package naming_test

import (
	"fmt"
	"log"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

func ExampleNewDNSResolver() {
	r, err := naming.NewDNSResolver()
	if err != nil {
		log.Fatal(err)
	}
	w, err := r.Resolve("127.0.0.1:50051") // usually a host name
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	updates, err := w.Next()
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range updates {
		fmt.Println(u.Op == naming.Add, u.Addr)
	}
	// Output: true 127.0.0.1:50051
}

func ExampleNewDNSResolverWithFreq() {
	r, err := naming.NewDNSResolverWithFreq(time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	w, err := r.Resolve("2001:db8::1") // usually a host name
	if err != nil {
		log.Fatal(err)
	}
	// The method is not part of naming.Watcher.
	if w, ok := w.(interface{ OnError(func(error)) }); ok {
		w.OnError(func(err error) { log.Print(err) })
	}
	updates, err := w.Next()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updates[0].Addr)

	w.Close()
	_, err = w.Next()
	fmt.Println(err)
	// Output:
	// [2001:db8::1]:443
	// watcher has been closed, Resolve "2001:db8::1" again for another
}
