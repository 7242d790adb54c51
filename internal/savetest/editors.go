package savetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// vim is :w with default options, as strace shows vim 9: swap file, a probe
// named 4913 that tells whether the directory can be written, the old file
// renamed to a backup, a new one written from nothing, the backup removed.
func vim(t testing.TB, path, content string) {
	t.Helper()
	dir, base := filepath.Split(path)
	vimSave(t, path, content, filepath.Join(dir, base+"~"))
}

// vimBackupDir is vim with 'backupdir' elsewhere: the file is renamed out of
// the directory, and the next event is its creation at size 0.
func vimBackupDir(t testing.TB, path, content string) {
	t.Helper()
	vimSave(t, path, content, filepath.Join(t.TempDir(), filepath.Base(path)+"~"))
}

func vimSave(t testing.TB, path, content, backup string) {
	t.Helper()
	swap := vimOpen(t, path)
	probe := filepath.Join(filepath.Dir(path), "4913")
	f := open(t, probe, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	check(t, f.Chown(os.Getuid(), os.Getgid()))
	check(t, f.Close())
	check(t, os.Remove(probe))

	had := exists(path)
	if had {
		check(t, os.Rename(path, backup))
	}
	f = open(t, path, os.O_WRONLY|os.O_CREATE, 0o644)
	check(t, f.Truncate(0))
	write(t, f, content)
	check(t, f.Sync())
	check(t, f.Chmod(0o644))
	check(t, f.Close())
	if had {
		check(t, os.Remove(backup))
	}
	check(t, os.Remove(swap))
}

// VimLook is vim that opens a file and quits: only swap files come and go.
func VimLook(t testing.TB, path string) {
	t.Helper()
	check(t, os.Remove(vimOpen(t, path)))
}

// vimOpen leaves the swap file, whose name it returns.
func vimOpen(t testing.TB, path string) string {
	t.Helper()
	dir, base := filepath.Split(path)
	swap, probe := filepath.Join(dir, "."+base+".swp"), filepath.Join(dir, "."+base+".swx")
	flags := os.O_RDWR | os.O_CREATE | os.O_EXCL
	check(t, open(t, swap, flags, 0o600).Close())
	check(t, open(t, probe, flags, 0o600).Close())
	check(t, os.Remove(probe))
	check(t, os.Remove(swap))
	f := open(t, swap, flags, 0o600)
	write(t, f, "b0VIM 9.0")
	check(t, f.Close())
	check(t, os.Chmod(swap, 0o644))
	return swap
}

// emacsFirst is the first save of a buffer: the file becomes the backup,
// which stays. The lock is a link to nowhere.
func emacsFirst(t testing.TB, path, content string) {
	t.Helper()
	lock := emacsLock(t, path)
	if exists(path) {
		check(t, os.Rename(path, path+"~"))
	}
	f := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	write(t, f, content)
	check(t, f.Sync())
	check(t, f.Close())
	check(t, os.Chmod(path, 0o644))
	check(t, os.Remove(lock))
}

// emacsNext is any later save: in place, truncated first.
func emacsNext(t testing.TB, path, content string) {
	t.Helper()
	lock := emacsLock(t, path)
	truncate(t, path, content)
	check(t, os.Remove(lock))
}

func emacsLock(t testing.TB, path string) string {
	t.Helper()
	dir, base := filepath.Split(path)
	lock := filepath.Join(dir, ".#"+base)
	check(t, os.Symlink(fmt.Sprintf("user@host.%d:1700000000", os.Getpid()), lock))
	return lock
}
