package servetest

import "syscall"

// attributes end the program with a test binary that dies without clean-up, as
// on a panic or on go test's timeout.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
