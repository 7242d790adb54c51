package envoytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Ports are taken from below the range that kernels give to outgoing
// connections and to listeners on port 0 (from 32768 on Linux): within it, any
// connection could take a port between the look and Envoy's bind. Dragoman's
// own default ports are outside too.
const (
	firstPort = 20000
	portCount = 10000
)

// FreePort returns a TCP port on which nobody listens, and keeps it from every
// other FreePort of this machine until the test ends, by a lock on a file: test
// binaries run side by side and a record in one process would not do. A program
// that is not a test of ours can still take the port first.
//
// A listener with port 0 needs none of this: ask Envoy.Listener where it is.
func FreePort(t testing.TB) int {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "dragoman-test-ports")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	start := rand.IntN(portCount)
	for i := range portCount {
		port := firstPort + (start+i)%portCount
		switch err := reserve(t, dir, port); {
		case err == nil:
			return port
		case !errors.Is(err, errTaken):
			t.Fatal(err)
		}
	}
	t.Fatalf("no free port from %d to %d", firstPort, firstPort+portCount-1)
	return 0
}

var errTaken = errors.New("the port is taken")

// reserve locks a port for the test if nobody has it. The lock ends with the
// process at the latest; the empty file stays, since removing it would let two
// processes hold locks on two files of one name.
func reserve(t testing.TB, dir string, port int) error {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if err := lock(file); err != nil {
		file.Close()
		return err
	}
	if err := idle(port); err != nil {
		file.Close()
		return err
	}
	t.Cleanup(func() { file.Close() })
	return nil
}

func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errTaken
	}
	return err
}

// idle tells whether the port can be bound on every address.
func idle(port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return errTaken
	}
	return l.Close()
}
