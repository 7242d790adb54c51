package savetest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Checkout switches a tree as git checkout does: in the order of names, each
// file removed, created and written. Names have slashes and are relative to dir.
func Checkout(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		checkout(t, path, files[name])
	}
}

// SwapLink makes link point at target by one rename, as git-sync and every
// careful deployment script do. The link need not exist.
func SwapLink(t testing.TB, target, link string) {
	t.Helper()
	tmp := link + ".tmp"
	check(t, os.Symlink(target, tmp))
	check(t, os.Rename(tmp, link))
}
