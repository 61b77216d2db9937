package program

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A stage has the files that the go command is to see in place of the
// program's, or besides.
type stage struct {
	dir   string            // temporary
	files map[string][]byte // by absolute path
	n     int
	shown map[string]string // where a file's content is, by the file's path
}

func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "grpcnaming-*")
	if err != nil {
		return nil, err
	}
	// Paths that the go command prints have no symbolic links.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	return &stage{dir: dir, files: make(map[string][]byte), shown: make(map[string]string)}, nil
}

func (s *stage) close() { os.RemoveAll(s.dir) }

// temp returns a path in the stage that nothing else has.
func (s *stage) temp(base string) string {
	s.n++
	return filepath.Join(s.dir, strconv.Itoa(s.n), base)
}

// put makes the go command see content as the file path.
func (s *stage) put(path string, content []byte) error {
	at := s.temp(filepath.Base(path))
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(at, content, 0o666); err != nil {
		return err
	}
	s.files[path] = content
	s.shown[path] = at
	return nil
}

// overlay writes the file for the go command's flag of that name.
func (s *stage) overlay() (path string, err error) {
	data, err := json.Marshal(map[string]any{"Replace": s.shown})
	if err != nil {
		return "", err
	}
	path = filepath.Join(s.dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o666)
}

// path is where the content of a file is.
func (s *stage) path(file string) string {
	if at := s.shown[file]; at != "" {
		return at
	}
	return file
}

// named is what the go command says in dir, with the names of the files in the
// place of where their content is.
func (s *stage) named(text, dir string) string {
	var pairs []string
	for file, at := range s.shown {
		to := file
		if rel, err := filepath.Rel(dir, file); err == nil {
			to = rel
		}
		if rel, err := filepath.Rel(dir, at); err == nil {
			pairs = append(pairs, rel, to)
		}
		pairs = append(pairs, at, to)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
