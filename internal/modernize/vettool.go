package modernize

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"
)

// ForVet says whether it is go vet that calls a program with these arguments: for the
// version, the flags, or to have one package looked at, which the file says.
func ForVet(args []string) bool {
	if len(args) == 0 {
		return false
	}
	first, last := args[0], args[len(args)-1]
	return first == "-V=full" || first == "-flags" ||
		strings.HasSuffix(last, ".cfg") && (len(args) == 1 || strings.HasPrefix(first, "-"))
}

// Vet makes the program the tool of go vet -vettool. It takes the arguments of the
// program, of which args is a copy, and returns only if there is an error.
func Vet(args []string) error {
	// Since Go 1.26 the file says where the output is to go. The oldest x/tools that
	// go.mod allows does not heed that: go vet would succeed, whatever is found.
	if config := args[len(args)-1]; strings.HasSuffix(config, ".cfg") {
		data, err := os.ReadFile(config)
		if err != nil {
			return err
		}
		var to struct{ Stdout string }
		if err := json.Unmarshal(data, &to); err != nil {
			return fmt.Errorf("%s: %w", config, err)
		}
		if to.Stdout != "" {
			if os.Stdout, err = os.Create(to.Stdout); err != nil {
				return err
			}
		}
	}
	unitchecker.Main(Analyzers...)
	return nil
}
