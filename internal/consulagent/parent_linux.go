package consulagent

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the agent when this process ends without
// having stopped it: a panic, os.Exit, SIGKILL.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
