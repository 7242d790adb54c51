package envoytest

import (
	"os"
	"syscall"
)

// attributes make Envoy the head of a process group, since $ENVOY may be a
// script around it, and end it with a test binary that dies without clean-up,
// as on go test's timeout.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signal reaches the whole group. An error means that nobody is left there.
func signal(p *os.Process, s syscall.Signal) {
	_ = syscall.Kill(-p.Pid, s)
}
