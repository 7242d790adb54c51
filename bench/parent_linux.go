package main

import "syscall"

// dieWithParent keeps a process from outliving the measurement.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
