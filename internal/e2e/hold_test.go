package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A directory that loses everything serves on, however often it is looked at,
// until it is mended.
func TestAWipeIsHeld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, name+".yaml"), answer(name, "one"))
	}
	f := start(t, dir)
	f.wants(t, "c", http.StatusOK, "one")
	wipe := map[string]func() error{
		"gone":    func() error { return os.Rename(dir, dir+".away") },
		"emptied": func() error { return os.Mkdir(dir, 0o755) },
	}
	for _, what := range []string{"gone", "emptied"} {
		if err := wipe[what](); err != nil {
			t.Fatal(err)
		}
		if err := f.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		f.logs(t, logHeld)
		for _, name := range []string{"a", "b", "c"} {
			f.wants(t, name, http.StatusOK, "one")
		}
	}
	write(t, filepath.Join(dir, "a.yaml"), answer("a", "two"))
	f.wants(t, "a", http.StatusOK, "two")
	f.wants(t, "b", http.StatusOK, "one")
	if n := len(f.Published()); n != 2 {
		t.Errorf("%d versions were published, want 2", n)
	}
}
