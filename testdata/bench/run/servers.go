package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

// servers is what the benchmarks talk to.
type servers struct {
	consul            *consulagent.Agent
	backends, answers string // addresses
	stops             []func() error
}

// startServers starts a Consul with its default limit of connections, 100
// backends, and what repeats Consul's answers about so many instances.
func startServers(ctx context.Context, path string, instances int) (_ *servers, err error) {
	s := &servers{}
	defer func() {
		if err != nil {
			_ = s.stop()
		}
	}()
	s.consul, err = consulagent.Start(ctx, consulagent.Config{ExtraHCL: "limits { http_max_conns_per_client = 200 }"})
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, s.consul.Stop)
	if s.backends, err = s.start(path, "backends", "100"); err != nil {
		return nil, err
	}
	s.answers, err = s.start(path, "answers", s.consul.Address(), "bench-next", fmt.Sprint(instances))
	return s, err
}

// start starts a server, which ends with its standard input, and returns what it
// prints.
func (s *servers) start(path string, args ...string) (string, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && err != io.EOF || line == "" {
		stdin.Close()
		return "", fmt.Errorf("server %s: %w", strings.Join(args, " "), errors.Join(err, cmd.Wait()))
	}
	s.stops = append(s.stops, func() error {
		stdin.Close()
		return cmd.Wait()
	})
	return strings.TrimSpace(line), nil
}

func (s *servers) stop() error {
	var errs []error
	for _, stop := range s.stops {
		errs = append(errs, stop())
	}
	s.stops = nil
	return errors.Join(errs...)
}
