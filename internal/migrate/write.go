package migrate

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write puts the new content of r in the place of its file, at once or not at
// all, with the permissions that the file has.
func (r *Result) Write() (err error) {
	info, err := os.Stat(r.Name)
	if err != nil {
		return err
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
	if err = tmp.Chmod(info.Mode().Perm()); err != nil {
		tmp.Close()
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), r.Name)
}

// NotWritten reports that a file could not be replaced.
func NotWritten(r *Result, err error) Report { return broken(r.Name, err) }
