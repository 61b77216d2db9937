package consulnaming

// The client of NewConsulResolver and NewBuilder: made of what the environment said when Resolve was
// called, and made anew when the content of a file has changed that it named. Resolve
// makes the first, and the goroutine of the loop the others.

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/consul/api"
)

// lookTime is how often the files are looked at.
const lookTime = time.Second

type environment struct {
	config  api.Config        // as api.NewClient takes it
	files   [sha256.Size]byte // of what was in them when the client was made, or failed to be
	members members           // that are decoded of an answer's instances

	secrets secrets // all but a token that came later
}

// environmentOf is that of an agent.
func environmentOf(a agentConfig, needed members) *environment {
	e := &environment{config: *api.DefaultConfig(), members: needed}
	a.apply(&e.config)
	// A loop has one query at a time. When a query no longer waits for its dial,
	// net/http goes on with that dial, and would keep a second idle connection.
	e.config.Transport.MaxIdleConnsPerHost = 1
	// Under HTTP/2, a query that is given up does not end its connection: a dead one
	// would be used again and again. One query at a time needs no HTTP/2.
	e.config.Transport.ForceAttemptHTTP2 = false
	e.files, _ = e.read()
	return e
}

// client makes a client, and returns what package api has made of the configuration.
func (e *environment) client() (*api.Client, *api.Config, error) {
	c := e.config
	c.Transport = c.Transport.Clone() // package api changes it
	var err error
	if c.HttpClient, err = api.NewHttpClient(c.Transport, c.TLSConfig); err != nil {
		return nil, nil, err
	}
	client, err := api.NewClient(&c)
	if err != nil {
		return nil, nil, err
	}
	// If the environment says that certificates are not verified, package api says so
	// of any configuration. Its client has been made before.
	c.TLSConfig = e.config.TLSConfig
	c.HttpClient.Transport = &bounded{next: c.HttpClient.Transport, answer: answerBound, reason: reasonBound, members: e.members}
	c.HttpClient.CheckRedirect = keepToken
	return client, &c, nil
}

// paths are those of the files and directories that the environment names.
func (e *environment) paths() []string {
	tls := e.config.TLSConfig
	return slices.DeleteFunc([]string{e.config.TokenFile, tls.CAFile, tls.CAPath, tls.CertFile, tls.KeyFile},
		func(path string) bool { return path == "" })
}

// read returns a hash of what is in the files, and whether they are whole: whoever
// writes one anew may have removed or emptied it.
func (e *environment) read() (sum [sha256.Size]byte, whole bool) {
	hash := sha256.New()
	whole = true
	for _, root := range e.paths() {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if len(bytes.TrimSpace(data)) == 0 {
				whole = false
			}
			fmt.Fprintf(hash, "%q %d ", path, len(data))
			hash.Write(data)
			return err
		})
		whole = whole && err == nil
	}
	return [sha256.Size]byte(hash.Sum(nil)), whole
}

// watch calls changed once the files say something new, until the function that it
// returns is called. That waits for the goroutine that looks.
func (e *environment) watch(changed func()) (stop func()) {
	if e == nil || len(e.paths()) == 0 {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		look := time.NewTicker(lookTime)
		defer look.Stop()
		for {
			select {
			case <-over:
				return
			case <-look.C:
				if files, whole := e.read(); whole && files != e.files {
					changed()
					return
				}
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// refresh makes a client of what the files say now, if that is something new, and says
// whether it has.
func (q *query) refresh() bool {
	e := q.environment
	if e == nil {
		return false
	}
	files, whole := e.read()
	if !whole || files == e.files {
		return false
	}
	e.files = files
	client, config, err := e.client()
	if err != nil {
		q.warn(fmt.Sprintf("the files that the environment names have changed, and make no client: %s; the former goes on", q.secrets.hide(err.Error())))
		return false
	}
	q.secrets = append(slices.Clip(e.secrets), config.Token)
	q.client = client
	q.own.Swap(config.HttpClient).CloseIdleConnections()
	return true
}

// closeIdle ends the connections of a client that is ours.
func (q *query) closeIdle() {
	if own := q.own.Load(); own != nil {
		own.CloseIdleConnections()
	}
}
