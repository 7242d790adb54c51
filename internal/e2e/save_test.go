package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"dragoman/internal/savetest"
)

// However somebody saves, a real Envoy answers by the new content soon.
func TestEveryWayOfSavingReachesEnvoy(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir)
	for _, way := range savetest.Ways() {
		t.Run(way.Name, func(t *testing.T) {
			path := filepath.Join(dir, "web.yaml")
			for i := range 3 {
				body := fmt.Sprintf("%s %d", way.Name, i)
				way.Save(t, path, answer("web", body))
				f.wants(t, "web", http.StatusOK, body)
			}
		})
	}
}

func TestWholeTreesReachEnvoy(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir)

	write(t, filepath.Join(dir, "a/b/c/deep.yaml"), answer("deep", "mkdir -p"))
	f.wants(t, "deep", http.StatusOK, "mkdir -p")

	outside := t.TempDir()
	write(t, filepath.Join(outside, "tree/x/moved.yaml"), answer("moved", "in"))
	rename(t, filepath.Join(outside, "tree"), filepath.Join(dir, "tree"))
	f.wants(t, "moved", http.StatusOK, "in")
	write(t, filepath.Join(dir, "tree/x/moved.yaml"), answer("moved", "edited"))
	f.wants(t, "moved", http.StatusOK, "edited")
	rename(t, filepath.Join(dir, "tree"), filepath.Join(outside, "tree"))
	f.wants(t, "moved", http.StatusNotFound, "")

	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("git/s%03d.yaml", i)] = answer(fmt.Sprintf("s%03d", i), "one")
	}
	if err := os.Mkdir(filepath.Join(dir, "git"), 0o755); err != nil {
		t.Fatal(err)
	}
	savetest.Checkout(t, dir, files)
	for name := range files {
		files[name] = answer(name[4:8], "two")
	}
	savetest.Checkout(t, dir, files)
	f.wants(t, "s000", http.StatusOK, "two")
	f.wants(t, "s199", http.StatusOK, "two")
}

func TestAConfigMapReachesEnvoy(t *testing.T) {
	dir := t.TempDir()
	mount := filepath.Join(dir, "mount")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	f := start(t, dir)
	cm := savetest.NewConfigMap(mount)
	cm.Write(t, map[string]string{"a.yaml": answer("a", "one")})
	f.wants(t, "a", http.StatusOK, "one")
	cm.Write(t, map[string]string{"a.yaml": answer("a", "two"), "sub/b.yaml": answer("b", "new")})
	f.wants(t, "a", http.StatusOK, "two")
	f.wants(t, "b", http.StatusOK, "new")
	cm.Write(t, map[string]string{"a.yaml": answer("a", "three")})
	f.wants(t, "a", http.StatusOK, "three")
	f.wants(t, "b", http.StatusNotFound, "")
}

// A link above the directory is swapped, as git-sync does.
func TestASwappedLinkReachesEnvoy(t *testing.T) {
	base := t.TempDir()
	link := filepath.Join(base, "current")
	write(t, filepath.Join(base, "rev1/web.yaml"), answer("web", "one"))
	savetest.SwapLink(t, "rev1", link)
	f := start(t, link)
	f.wants(t, "web", http.StatusOK, "one")
	for i, body := range []string{"two", "three"} {
		rev := fmt.Sprintf("rev%d", i+2)
		write(t, filepath.Join(base, rev, "web.yaml"), answer("web", body))
		write(t, filepath.Join(base, rev, "listener.yaml"), fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n", f.http))
		savetest.SwapLink(t, rev, link)
		f.wants(t, "web", http.StatusOK, body)
	}
}

// What is edited is not the visible name, but what it is a link to.
func TestALinkedFileReachesEnvoy(t *testing.T) {
	dir := t.TempDir()
	stored := filepath.Join(dir, ".store/web.yaml")
	write(t, stored, answer("web", "one"))
	savetest.SwapLink(t, ".store/web.yaml", filepath.Join(dir, "web.yaml"))
	f := start(t, dir)
	f.wants(t, "web", http.StatusOK, "one")
	write(t, stored, answer("web", "two"))
	f.wants(t, "web", http.StatusOK, "two")
}

// Where the kernel tells of nothing, polling finds the edit.
func TestPollingReachesEnvoy(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, "--watch", "poll")
	path := filepath.Join(dir, "web.yaml")
	for i, way := range savetest.Ways()[:3] {
		body := fmt.Sprint("polled ", i)
		way.Save(t, path, answer("web", body))
		f.wants(t, "web", http.StatusOK, body)
	}
}

// The directory is removed, or renamed away, and put in place again.
func TestAReplacedDirectoryReachesEnvoy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	write(t, filepath.Join(dir, "web.yaml"), answer("web", "one"))
	f := start(t, dir)
	f.wants(t, "web", http.StatusOK, "one")
	listener, err := os.ReadFile(filepath.Join(dir, "listener.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	restore := func(body string) {
		write(t, filepath.Join(dir, "web.yaml"), answer("web", body))
		write(t, filepath.Join(dir, "listener.yaml"), string(listener))
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	f.wants(t, "web", http.StatusOK, "one")
	restore("two")
	f.wants(t, "web", http.StatusOK, "two")
	rename(t, dir, dir+".old")
	f.wants(t, "web", http.StatusOK, "two")
	restore("three")
	f.wants(t, "web", http.StatusOK, "three")
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
