//go:build !linux

package main

import "syscall"

// dieWithParent has no equivalent here, and neither has what is measured: /proc.
func dieWithParent() *syscall.SysProcAttr { return nil }
