//go:build !unix

package consulagent

import "fmt"

const stopSignal, contSignal = 0, 0

func (a *Agent) signal(what string, _ int) error {
	return fmt.Errorf("consulagent: %s the agent at %s: this system has no such signal", what, a.address)
}
