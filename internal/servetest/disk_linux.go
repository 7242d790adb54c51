package e2e_test

import (
	"errors"
	"syscall"
	"testing"
)

// tinyDisk mounts a file system with room for next to nothing. Who may not
// mount one does without the test: permissions do not stop root, and only root
// may mount.
func tinyDisk(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=16k")
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

// readOnly makes a mounted file system one that may not be written.
func readOnly(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}
