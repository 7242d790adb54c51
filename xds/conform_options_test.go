package xds_test

import (
	"time"

	"dragoman/xds"
)

// quick are options with which nothing that goes is kept for long.
func quick() xds.Options { return xds.Options{Linger: time.Millisecond, WarmTimeout: time.Minute} }

// patient are options with a linger, and a wait for ACKs that no test sees the
// end of.
func patient(linger time.Duration) xds.Options {
	return xds.Options{Linger: linger, WarmTimeout: time.Hour}
}
