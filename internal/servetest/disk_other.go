//go:build !linux

package e2e_test

import "testing"

func tinyDisk(t *testing.T) string {
	t.Helper()
	t.Skip("a file system is mounted on Linux only")
	return ""
}

func readOnly(t *testing.T, _ string) { t.Helper() }
