package migrate

import (
	"bytes"
	"os"
	"path/filepath"
)

const (
	// ForkFile is the file that says what a copy of a dependency is a copy of.
	ForkFile = "FORK.md"
	// ForkMark is in it if it is of this command's making.
	ForkMark = "Made and migrated by `grpcnaming migrate`"
)

// IsFork says whether the command made a directory as a copy of a dependency.
func IsFork(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, ForkFile))
	return err == nil && bytes.Contains(data, []byte(ForkMark))
}
