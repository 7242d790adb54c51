//go:build !linux

package envoytest

import (
	"os"
	"syscall"
)

// attributes has nothing to ask for that every other system offers.
func attributes() *syscall.SysProcAttr { return nil }

// signal reaches Envoy alone. An error means that it has ended.
func signal(p *os.Process, s syscall.Signal) {
	_ = p.Signal(s)
}
