package envoytest

import (
	"testing"
	"time"
)

// pace is how long Eventually rests between two looks.
const pace = 10 * time.Millisecond

// Eventually waits until ok returns nil. If that takes longer than within, the
// test ends with what was awaited and the last error. It is the one way in
// which a test waits for something outside this process.
func Eventually(t testing.TB, within time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		<-ticker.C
	}
}
