package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// git checkout switches a directory between two branches. Each file is removed
// and written anew; no service may be seen to go.
func TestGitSwitchesBranches(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	w := create(t, options{})
	files, rounds := pick(300, 2000), pick(2, 6)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", w.dir, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "first")
	for branch, name := range []string{"first", "second"} {
		if branch > 0 {
			git("checkout", "-q", "-b", name)
		}
		for i := range files {
			path := filepath.Join(w.dir, fmt.Sprintf("teams/%d/g%d.yaml", i%10, i))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("service: g%d\nhosts: [g%d.example.com]\n%sroutes: [{respond: {status: 200, body: hello}}]\n", i, i, stamp(branch))
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", ".")
		git("commit", "-q", "-m", name)
	}
	all := func(revision int) {
		t.Helper()
		for _, i := range []int{0, files / 2, files - 1} {
			serves(t, w.address(), fmt.Sprint("g", i), revision)
		}
	}
	all(1)
	l := w.load(t, target{host: "g0.example.com", check: says("hello")}, target{host: fmt.Sprintf("g%d.example.com", files-1), check: says("hello")})
	before := len(w.Published())
	var took []time.Duration
	for i := range rounds {
		branch := i % 2
		git("checkout", "-q", []string{"first", "second"}[branch])
		begin := time.Now()
		all(branch)
		took = append(took, time.Since(begin))
	}
	w.shows(t, "nothing is held", func(s status) bool { return s.OK })
	published := len(w.Published()) - before
	over(t, l, "git checkout", figure("files", files), figure("switches", rounds), figure("publications", published), slowest("switched within", took))
}
