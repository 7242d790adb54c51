package servetest

import (
	"errors"
	"syscall"
	"testing"
)

// TinyDisk mounts a file system of a size such as 16k. Who may not
// mount one does without the test: permissions do not stop root, and only root
// may mount.
func TinyDisk(t testing.TB, size string) string {
	t.Helper()
	path := t.TempDir()
	err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("no right to mount a file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	})
	return path
}

// ReadOnly makes a mounted file system one that may not be written.
func ReadOnly(t testing.TB, path string) {
	t.Helper()
	if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}
