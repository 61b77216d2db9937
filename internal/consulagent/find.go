package consulagent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Find returns the Consul binary: bin/consul in the root of the module around
// the working directory, or else the consul on PATH.
func Find() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("consulagent: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			binary := filepath.Join(dir, "bin", "consul")
			if runtime.GOOS == "windows" {
				binary += ".exe"
			}
			if path, err := exec.LookPath(binary); err == nil {
				return path, nil
			}
			// A nested module (naming/dropin) has its bin further up.
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if path, err := exec.LookPath("consul"); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("consulagent: no bin/consul in the module around %s and no consul on PATH: run make consul", wd)
}
