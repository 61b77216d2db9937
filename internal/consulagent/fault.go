package consulagent

import (
	"context"
	"fmt"
)

// Kill ends the agent at once, as SIGKILL does, and returns when it is gone. Its
// ports are free then; Restart takes them again.
func (a *Agent) Kill() error {
	if err := a.running().kill(); err != nil {
		return fmt.Errorf("consulagent: kill the agent at %s: %w", a.address, err)
	}
	return nil
}

// Restart starts an agent again that has been killed, on the same ports, and
// waits until it is ready or ctx ends. One that is Config.Persistent, or of a
// cluster, knows what it knew; any other begins anew, and its indexes with it.
func (a *Agent) Restart(ctx context.Context) error {
	p := a.running()
	select {
	case <-p.done:
	default:
		return fmt.Errorf("consulagent: restart the agent at %s: it is running; call Kill before", a.address)
	}
	if err := a.run(ctx); err != nil {
		return fmt.Errorf("consulagent: restart the agent at %s: %w", a.address, err)
	}
	return nil
}

// Pause stops the agent as SIGSTOP does: a moment later it accepts connections and
// answers nothing. Resume lets it go on. Stop and Kill work on a paused agent, too.
func (a *Agent) Pause() error { return a.signal("pause", stopSignal) }

// Resume ends Pause.
func (a *Agent) Resume() error { return a.signal("resume", contSignal) }
