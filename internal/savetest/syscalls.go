package savetest

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func open(t testing.TB, path string, flag int, mode fs.FileMode) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flag, mode)
	check(t, err)
	return f
}

func write(t testing.TB, f *os.File, content string) {
	t.Helper()
	_, err := f.WriteString(content)
	check(t, err)
}

// remove unlinks a file that need not exist.
func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		check(t, err)
	}
}

// exists says whether something, even a dangling link, has that name.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
