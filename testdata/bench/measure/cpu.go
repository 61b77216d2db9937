package measure

import (
	"syscall"
	"time"
)

// CPU is the time that this process has spent on processors, in user mode and in
// the kernel.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // RUSAGE_SELF is always known
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
