//go:build unix

package consulagent

import (
	"fmt"
	"syscall"
)

const stopSignal, contSignal = syscall.SIGSTOP, syscall.SIGCONT

func (a *Agent) signal(what string, s syscall.Signal) error {
	if err := a.running().cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("consulagent: %s the agent at %s: %w", what, a.address, err)
	}
	return nil
}
