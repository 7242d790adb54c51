//go:build !linux

package servetest

import "testing"

// TinyDisk needs Linux.
func TinyDisk(t testing.TB, _ string) string {
	t.Helper()
	t.Skip("a file system is mounted on Linux only")
	return ""
}

// ReadOnly needs Linux.
func ReadOnly(t testing.TB, _ string) { t.Helper() }
