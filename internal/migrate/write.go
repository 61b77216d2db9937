package migrate

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts the new content of r in the place of its file, at once or not at
// all, with the permissions that the file has. A new file comes with its
// directories.
func (r *Result) Write() (err error) {
	mode := fs.FileMode(0o644)
	if r.Old == nil {
		if err := os.MkdirAll(filepath.Dir(r.Name), 0o755); err != nil {
			return err
		}
	} else {
		info, err := os.Stat(r.Name)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(r.Name), ".grpcnaming-*")
	if err != nil {
		return fmt.Errorf("%s: no room for its new form beside it: %w", r.Name, err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(r.New); err != nil {
		tmp.Close()
		return err
	}
	if err = tmp.Chmod(mode); err != nil {
		tmp.Close()
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), r.Name)
}

// NotWritten reports that a file could not be replaced.
func NotWritten(r *Result, err error) Report { return Broken(r.Name, err) }
