package main

import "syscall"

// attributes make a process the head of a group, and end it with this one,
// even when this one is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
