package servetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// build compiles the program once for a test binary.
var build = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // the once of a process, for tests
	dir, err := os.MkdirTemp("", "dragoman-serve-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "dragoman")
	args := append([]string{"build"}, flags()...)
	out, err := exec.Command("go", append(args, "-o", binary, "dragoman/cmd/dragoman")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building dragoman: %w\n%s", err, out)
	}
	return binary, nil
})

// Binary builds the program, like the tests under the race detector or not,
// and returns where it is.
func Binary(t testing.TB) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// Main runs the tests of a package and removes the program that they built.
func Main(m *testing.M) {
	m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary directory
	}
}

// Delta is the bootstrap that the program prints for a control plane at a port,
// with any free port for Envoy's admin endpoint.
func Delta(t testing.TB, xds int) string {
	t.Helper()
	return Bootstrap(t, xds)
}

// SotW is that for the older form of xDS.
func SotW(t testing.TB, xds int) string {
	t.Helper()
	return Bootstrap(t, xds, "--sotw")
}

// Bootstrap is what the program prints with further flags.
func Bootstrap(t testing.TB, xds int, args ...string) string {
	t.Helper()
	args = append([]string{"bootstrap", "--xds", fmt.Sprintf("localhost:%d", xds), "--envoy-admin", "127.0.0.1:0"}, args...)
	out, err := exec.Command(Binary(t), args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
