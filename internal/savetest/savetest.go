// Package savetest saves files in the ways in which people's programs do:
// editors, copy tools, version control, kubelet. Each way is an imitation,
// system call by system call, of what was traced, so that no editor need be
// installed. It is for tests alone, knows nothing of who watches the files,
// and leaves in the directory only what the real program leaves.
package savetest

import (
	"os"
	"path/filepath"
	"testing"
)

// A Way is one way of saving one file.
type Way struct {
	Name string
	// Save makes content the content of the file at path, which may exist
	// already or not; its directory must exist.
	Save func(t testing.TB, path, content string)
	// Whole says that nobody can ever see a part of the content: the file is
	// replaced by one rename.
	Whole bool
}

// Ways returns every way of saving one file.
func Ways() []Way {
	return []Way{
		{Name: "in place", Save: inPlace},
		{Name: "truncate and write", Save: truncate},
		{Name: "cp", Save: cp},
		{Name: "sed -i", Save: sed, Whole: true},
		{Name: "rsync", Save: rsync, Whole: true},
		{Name: "rsync --delay-updates", Save: rsyncDelayed, Whole: true},
		{Name: "tar", Save: tar},
		{Name: "git checkout", Save: checkout},
		{Name: "mv from outside", Save: moveIn, Whole: true},
		{Name: "vim", Save: vim},
		{Name: "vim with backupdir", Save: vimBackupDir},
		{Name: "emacs, first save", Save: emacsFirst},
		{Name: "emacs, next save", Save: emacsNext},
		{Name: "slow upload", Save: slowUpload},
	}
}

// inPlace overwrites without truncating first, as dd conv=notrunc and rsync
// --inplace do: for a moment the new beginning stands before the old end.
func inPlace(t testing.TB, path, content string) {
	t.Helper()
	f := open(t, path, os.O_WRONLY|os.O_CREATE, 0o644)
	write(t, f, content)
	check(t, f.Truncate(int64(len(content))))
	check(t, f.Close())
}

// truncate is echo > path, os.WriteFile, nano, VS Code, and vim with backups
// off: the file is empty for a moment.
func truncate(t testing.TB, path, content string) {
	t.Helper()
	f := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	write(t, f, content)
	check(t, f.Close())
}

// cp truncates and lets the kernel copy (copy_file_range).
func cp(t testing.TB, path, content string) {
	t.Helper()
	src := open(t, outside(t, path, content), os.O_RDONLY, 0)
	dst := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	_, err := dst.ReadFrom(src)
	check(t, err)
	check(t, dst.Close())
	check(t, src.Close())
}

// sed writes a temporary file whose name has no extension and renames it.
func sed(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.CreateTemp(filepath.Dir(path), "sed")
	check(t, err)
	check(t, f.Chmod(0o644))
	write(t, f, content)
	check(t, f.Close())
	check(t, os.Rename(f.Name(), path))
}

// rsync writes a hidden temporary file and renames it.
func rsync(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	check(t, err)
	write(t, f, content)
	check(t, f.Chmod(0o644))
	check(t, f.Close())
	check(t, os.Rename(f.Name(), path))
}

// rsyncDelayed writes into a hidden directory and renames out of it.
func rsyncDelayed(t testing.TB, path, content string) {
	t.Helper()
	tmp := filepath.Join(filepath.Dir(path), ".~tmp~")
	check(t, os.Mkdir(tmp, 0o700))
	held := filepath.Join(tmp, filepath.Base(path))
	truncate(t, held, content)
	check(t, os.Rename(held, path))
	check(t, os.Remove(tmp))
}

// tar unlinks and creates anew, as kubectl cp, install and cp
// --remove-destination do: the file is absent, then empty.
func tar(t testing.TB, path, content string) {
	t.Helper()
	remove(t, path)
	f := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	write(t, f, content)
	check(t, f.Chmod(0o644))
	check(t, f.Close())
}

// checkout is what git does to each file that differs.
func checkout(t testing.TB, path, content string) {
	t.Helper()
	remove(t, path)
	f := open(t, path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	write(t, f, content)
	check(t, f.Close())
}

// moveIn renames a finished file from another directory.
func moveIn(t testing.TB, path, content string) {
	t.Helper()
	check(t, os.Rename(outside(t, path, content), path))
}

// outside writes content to a file of the same name in another directory of
// the same file system, as far as t.TempDir knows one.
func outside(t testing.TB, path, content string) string {
	t.Helper()
	other := filepath.Join(t.TempDir(), filepath.Base(path))
	truncate(t, other, content)
	return other
}
