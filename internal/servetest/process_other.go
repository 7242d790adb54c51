//go:build !linux

package servetest

import "syscall"

// attributes has nothing to ask for that every other system offers.
func attributes() *syscall.SysProcAttr { return nil }
