package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/grpcnaming/grpcnaming/internal/modernize"
)

// forVet says whether it is go vet that calls: for the version, the flags, or to have
// one package looked at, which the file says.
func forVet(args []string) bool {
	if len(args) == 0 {
		return false
	}
	first, last := args[0], args[len(args)-1]
	return first == "-V=full" || first == "-flags" ||
		strings.HasSuffix(last, ".cfg") && (len(args) == 1 || strings.HasPrefix(first, "-"))
}

// vet is the tool of go vet -vettool, and does not return.
func vet(args []string) {
	// Since Go 1.26 the file says where the output is to go. The oldest x/tools that
	// go.mod allows does not heed that: go vet would succeed, whatever is found.
	if config := args[len(args)-1]; strings.HasSuffix(config, ".cfg") {
		var to struct{ Stdout string }
		data, err := os.ReadFile(config)
		if err == nil {
			err = json.Unmarshal(data, &to)
		}
		if err == nil && to.Stdout != "" {
			os.Stdout, err = os.Create(to.Stdout)
		}
		if err != nil {
			log.Fatalf("grpcnaming: %v", err)
		}
	}
	unitchecker.Main(modernize.Analyzers...)
}
