// Package parallel does many small and equal pieces of work on all cores.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// few is how many pieces are done at once by one goroutine: an edit is one
// piece, and is not worth another.
const few = 16

// Each calls f with the numbers below n, from several goroutines if they are
// many, and returns when all calls have. What f does for one number must have
// nothing to do with another.
func Each(n int, f func(i int)) {
	workers := min((n+few-1)/few, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				end := int(next.Add(few))
				for i := end - few; i < min(end, n); i++ {
					f(i)
				}
				if end >= n {
					return
				}
			}
		})
	}
	all.Wait()
}
