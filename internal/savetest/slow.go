package savetest

import (
	"os"
	"testing"
	"time"
)

// The shape of a slow upload: pieces with pauses between them. The pauses are
// shorter than the watcher's default quiet time, so that on an idle machine
// the pieces are one burst.
const (
	pieces = 4
	pause  = 50 * time.Millisecond
)

// slowUpload is sftp over a bad line: the file grows piece by piece, and each
// prefix may be valid YAML.
func slowUpload(t testing.TB, path, content string) {
	t.Helper()
	f := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	for i := range pieces {
		if i > 0 {
			wait(t, pause)
		}
		write(t, f, content[len(content)*i/pieces:len(content)*(i+1)/pieces])
	}
	check(t, f.Close())
}

// wait is the pause of a slow writer. Nobody waits here for something to have
// happened meanwhile.
func wait(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test ended during a slow upload")
	}
}
