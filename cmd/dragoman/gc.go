package main

import (
	"os"
	"runtime/debug"
	"sync"
)

// startPercent is what the garbage may be of what is in use while a directory is
// read for the first time. Nearly all that is made then is kept, so that looking
// for garbage as often as usual finds little and takes a quarter of the time.
const startPercent = 200

// collectLess has garbage collected less often until the returned function is
// called, unless GOGC says how often. That gives back, beside what goes on, what
// only the start needed. It may be called more than once.
func collectLess() (back func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	usual := debug.SetGCPercent(startPercent)
	return sync.OnceFunc(func() {
		debug.SetGCPercent(usual)
		go debug.FreeOSMemory()
	})
}
