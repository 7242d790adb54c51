//go:build !linux

package main

import "syscall"

// attributes make a process the head of a group.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
