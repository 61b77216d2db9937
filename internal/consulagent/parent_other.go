//go:build !linux

package consulagent

import "os/exec"

// dieWithParent does nothing: only Linux offers this for a child that does not
// cooperate. Elsewhere an agent outlives a parent that was killed.
func dieWithParent(*exec.Cmd) {}
