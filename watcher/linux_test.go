//go:build linux

package watcher

import (
	"os"
	"syscall"
	"testing"
)

// It lowers the limit of the whole process, so it does not run beside others.
func TestNoMoreFiles(t *testing.T) { //nolint:paralleltest // See above.
	dir := t.TempDir()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	lowestFree := uint64(f.Fd())
	f.Close()

	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	limit(lowestFree)
	defer limit(before.Cur)
	p := start(t, dir, Options{}, quickly)
	for range 10 {
		p.everywhere()
	}
	if got := p.Stats().Mode; got != Poll {
		t.Errorf("mode %v, want poll", got)
	}
	wantOnce(t, p.log.String(), "fs.inotify.max_user_instances")

	limit(before.Cur)
	p.eventually("watching", func() bool { return p.Stats().Mode == Notify })
	put(t, p.path("a.yaml"), "1")
	p.reads("a.yaml", "1")
}

// Of a mount no event tells, neither when it comes nor when it goes.
func TestMountOverTheRoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir+"/a.yaml", "below")
	p := start(t, dir, Options{}, onlyByClock)
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	mounted := true
	defer func() {
		if mounted {
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	}()
	p.everywhere()
	put(t, p.path("a.yaml"), "above")
	p.reads("a.yaml", "above")
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	mounted = false
	p.reads("a.yaml", "below")
	put(t, p.path("a.yaml"), "below, edited")
	p.reads("a.yaml", "below, edited")
}

// The kernel watches a directory once, whatever its names. That the second
// one is not on fsnotify's list is no reason to set the watch up again and again.
func TestDirectoryMountedTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := mkdir(t, dir+"/first"), mkdir(t, dir+"/second")
	if err := syscall.Mount(first, second, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(second, 0); err != nil {
			t.Error(err)
		}
	})
	p := start(t, dir, Options{}, onlyByClock)
	for _, content := range []string{"1", "2", "3"} {
		put(t, p.path("second/a.yaml"), content)
		hint := p.next()
		if !covers(hint, "first/a.yaml") && !covers(hint, "second/a.yaml") {
			t.Errorf("hint %q, want one of the two names", hint)
		}
	}
	if got := p.Stats(); got.Rearms != 0 {
		t.Errorf("%+v, want no re-arm", got)
	}
}

func TestRemoteName(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{
		0x6969: "nfs", 0xFF534D42: "smb", 0xFE534D42: "smb", 0x65735546: "fuse", 0x01021997: "9p",
		0xEF53: "", 0x01021994: "", // ext4, tmpfs
	} {
		if got := remoteName(magic); got != want {
			t.Errorf("remoteName(%#x) = %q, want %q", magic, got, want)
		}
	}
	if got := remote(t.TempDir()); got != "" {
		t.Skipf("the temporary directory itself is on %s", got)
	}
	if got := remote("/nowhere/at/all"); got != "" {
		t.Errorf("remote(missing) = %q", got)
	}
}
