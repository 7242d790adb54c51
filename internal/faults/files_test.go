package faults_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// A badFile is what somebody's program may leave in place of a good file.
func badFiles(good string) map[string]string {
	return map[string]string{
		"half written":            good[:len(good)/2],
		"truncated":               "",
		"binary":                  "\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00\xff\xfe", 1000),
		"one MiB of one word":     "service: " + strings.Repeat("x", 1<<20),
		"more than one MiB":       good + strings.Repeat("# much ado about nothing\n", 50_000),
		"100,000 lines":           good + strings.Repeat("a: 1\n", 100_000),
		"100,000 documents":       strings.Repeat("---\na\n", 100_000),
		"100,000 levels, flow":    good + "x-deep: " + strings.Repeat("[", 100_000),
		"1,000 levels, block":     good + "x-deep:\n" + staircase(1000),
		"an alias bomb":           good + bomb(),
		"an alias of itself":      good + "x-self: &a [*a]\n",
		"100,000 anchors":         good + "x-anchors: [" + strings.Repeat("&a 1, ", 100_000) + "1]\n",
		"a key of a million":      good + "x-" + strings.Repeat("k", 1_000_000) + ": 1\n",
		"every quote left open":   good + "x-open: \"" + strings.Repeat("a\n", 10_000),
		"a huge number":           good + "timeout: 1e999999999\n",
		"tabs":                    strings.ReplaceAll(good, "\n", "\n\t"),
		"UTF-16":                  "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00",
		"the end of another file": "ample.com]\n" + good,
	}
}

func staircase(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String()
}

func bomb() string {
	var b strings.Builder
	b.WriteString("x-a0: &a0 [boom, boom, boom, boom, boom, boom, boom, boom, boom, boom]\n")
	for i := range 20 {
		fmt.Fprintf(&b, "x-a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return b.String()
}

// Whatever stands in a file, its service goes on, and so does the next edit of
// another.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	w := create(t, options{})
	good := w.service("victim", 0)
	w.write(t, "victim.yaml", good)
	serves(t, w.address(), "victim", 0)
	l := w.load(t, target{host: "victim.example.com", check: says("up victim.example.com")})
	var took []time.Duration
	revision := 0
	for name, text := range badFiles(good) {
		revision++
		if err := os.WriteFile(filepath.Join(w.dir, "victim.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		w.edit(t, revision)
		took = append(took, w.sees(t, revision))
		w.shows(t, name+" is reported", func(s status) bool { return !s.OK })
	}
	w.write(t, "victim.yaml", w.service("victim", 1))
	serves(t, w.address(), "victim", 1)
	w.shows(t, "all is well", func(s status) bool { return s.OK })
	most := w.memory(t)
	if limit := 1500; most > limit {
		t.Errorf("the program took %d MiB, want less than %d", most, limit)
	}
	over(t, l, "bad files", figure("files", len(took)), slowest("others' edits within", took), figure("MiB at most", most), figure("refusals", rejected(t, w.envoy)))
}

// A file is overwritten in place again and again while it is read, with a
// pause now and then. What is
// served is always one of its contents, never a part of one or of two.
func TestFilesChangedWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	w := create(t, options{args: []string{"--quiet", "1ms", "--max-delay", "5ms"}})
	long := func(i int) string { // the header comes first, the body last
		return fmt.Sprintf("service: torn\nresponseHeaders: {set: {x-revision: \"%08d\"}}\nhosts: [torn.example.com]\n%sroutes:\n  - respond: {status: 200, body: \"%08d\"}\n",
			i, strings.Repeat("# so that it takes a while to read\n", 2000), i)
	}
	path := filepath.Join(w.dir, "torn.yaml")
	if err := os.WriteFile(path, []byte(long(0)), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w.edit(t, 1)
	w.sees(t, 1)
	whole := func(status int, header http.Header, body string) error {
		if got := header.Get("x-revision"); status != http.StatusOK || got != body {
			return fmt.Errorf("status %d, a torn file: revision %s, body %s", status, got, body)
		}
		return nil
	}
	envoytest.Eventually(t, patience, "it serves", func() error {
		r, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + w.address() + "/", Host: "torn.example.com"})
		if err != nil {
			return err
		}
		return whole(r.Status, r.Header, r.Body)
	})
	l := w.load(t, target{host: "torn.example.com", check: whole})
	before := len(w.Published())
	writes := 0
	for end := time.Now().Add(time.Duration(pick(2, 30)) * time.Second); time.Now().Before(end); writes++ {
		if _, err := file.WriteAt([]byte(long(writes)), 0); err != nil {
			t.Fatal(err)
		}
		if writes%20 == 0 { // long enough to be taken
			hold(t, 80*time.Millisecond)
		}
	}
	w.edit(t, 2)
	took := w.sees(t, 2)
	w.shows(t, "all is well", func(s status) bool { return s.OK })
	published := len(w.Published()) - before
	if published < 3 {
		t.Errorf("%d versions were published: nothing was read that could be torn", published)
	}
	over(t, l, "changed while it is read", figure("writes", writes), figure("publications", published), slowest("another's edit within", []time.Duration{took}))
}
