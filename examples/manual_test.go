package examples_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/loader"
)

// A checkout is what a reader of the README has after make build: an empty
// directory here, with the program in bin.
type checkout struct {
	dir     string
	xds     int
	envoy   *envoytest.Envoy
	address string // of the listener on port 10000
}

func build(t *testing.T) *checkout {
	t.Helper()
	c := &checkout{dir: t.TempDir()}
	cmd := exec.Command("go", "build", "-o", filepath.Join(c.dir, "bin", "dragoman"), "dragoman/cmd/dragoman")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return c
}

// dragoman returns the command of a line that begins with bin/dragoman.
func (c *checkout) dragoman(t *testing.T, line string, more ...string) *exec.Cmd {
	t.Helper()
	words := strings.Fields(line)
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.dir, words[0]), append(words[1:], more...)...)
	cmd.Dir = c.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

// The README's way by hand leads to a proxied request, line by line.
func TestTheREADMELeadsToAProxiedRequest(t *testing.T) {
	t.Parallel()
	envoytest.Binary(t)
	c := build(t)
	var answer string
	for _, block := range fenced(t, "../README.md", "sh") {
		for _, line := range block {
			if got := c.step(t, line); got != "" {
				answer = got
			}
		}
	}
	if want := "Hello from Envoy"; answer != want || !strings.Contains(readme(t), "That is `"+want+"`") {
		t.Errorf("got the answer %q, want %q, which the README should say", answer, want)
	}
}

// step does what a line of the README says, on ports of its own.
func (c *checkout) step(t *testing.T, line string) string {
	t.Helper()
	command, background := strings.CutSuffix(line, " &")
	switch {
	case strings.HasPrefix(command, "make "):
		wantTarget(t, strings.Fields(command)[1])
	case strings.HasPrefix(command, "bin/dragoman serve "):
		c.serve(t, command)
	case strings.HasPrefix(command, "bin/dragoman "):
		if out, err := c.dragoman(t, command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	case strings.HasPrefix(command, `"$(make -s envoy)" -c envoy-bootstrap.yaml`) && background:
		wantTarget(t, "envoy")
		c.envoy = envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, c.xds)})
	case strings.HasPrefix(command, "curl "):
		return c.curl(t, command)
	default:
		t.Fatalf("the README says %q, which this test cannot do", line)
	}
	return ""
}

func (c *checkout) serve(t *testing.T, command string) {
	t.Helper()
	port := envoytest.FreePort(t)
	c.address = fmt.Sprintf("127.0.0.1:%d", port)
	file := filepath.Join(c.dir, strings.Fields(command)[2], "listener.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "listener: http\nport: %d\n", port), 0o644); err != nil {
		t.Fatal(err)
	}
	c.xds = envoytest.FreePort(t)
	cmd := c.dragoman(t, command, "--listen", fmt.Sprintf("localhost:%d", c.xds), "--admin", "off")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // says that the test's context has ended
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("serve ended with %d, want 0", code)
		}
	})
}

func (c *checkout) curl(t *testing.T, command string) string {
	t.Helper()
	target, ok := strings.CutPrefix(command[strings.LastIndexByte(command, ' ')+1:], "localhost:10000")
	if !ok {
		t.Fatalf("not the listener: %s", command)
	}
	c.envoy.WaitLive(t)
	var body string
	envoytest.Eventually(t, 10*time.Second, command, func() error {
		reply, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + c.address + target})
		body = strings.TrimSpace(reply.Body)
		return err
	})
	return body
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	must(t, err)
	return string(text)
}

func wantTarget(t *testing.T, target string) {
	t.Helper()
	makefile, err := os.ReadFile("../Makefile")
	must(t, err)
	if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).Match(makefile) {
		t.Errorf("the README names make %s, which is not in the Makefile", target)
	}
}

// What the README names in passing exists too: targets, commands, flags.
func TestTheREADMENamesWhatThereIs(t *testing.T) {
	t.Parallel()
	c := build(t)
	text := readme(t)
	if n := strings.Count(text, "\n"); n >= 200 {
		t.Errorf("the README has %d lines, want less than 200", n)
	}
	for _, m := range regexp.MustCompile("`(?:[A-Z_]+=\\S+ )?make ([a-z]+)`").FindAllStringSubmatch(text, -1) {
		wantTarget(t, m[1])
	}
	for _, m := range regexp.MustCompile("bin/dragoman ([a-z]+)([^`\n]*)").FindAllStringSubmatch(text, -1) {
		help, err := c.dragoman(t, "bin/dragoman "+m[1], "--help").Output()
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
		for _, flag := range regexp.MustCompile(` --?[a-z-]+`).FindAllString(m[2], -1) {
			if !strings.Contains(string(help), flag+" ") {
				t.Errorf("%s: there is no flag%s", m[0], flag)
			}
		}
	}
}

// The README's first service is right, and with the mistake that the README
// makes in it, the answer is the one that it shows.
func TestTheREADMEsFirstService(t *testing.T) {
	t.Parallel()
	blocks := fenced(t, "../README.md", "yaml")
	right := strings.Join(blocks[0], "\n") + "\n"
	if res := loader.New(loader.Options{}).Apply([]loader.Source{{Path: "cart.yaml", Data: []byte(right)}}); len(res.Problems) > 0 {
		t.Errorf("the first service has problems: %v", res.Problems)
	}
	wrong := strings.Replace(right, "timeout: 5s", "timout: 5s", 1)
	c := build(t)
	must(t, os.Mkdir(filepath.Join(c.dir, "conf"), 0o755))
	must(t, os.WriteFile(filepath.Join(c.dir, "conf", "cart.yaml"), []byte(wrong), 0o644))
	console := fenced(t, "../README.md", "console")[0]
	cmd := c.dragoman(t, strings.TrimPrefix(console[0], "$ "))
	out, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("%s ended with %d, want 1", console[0], code)
	}
	if got, want := string(out), strings.Join(console[1:], "\n")+"\n"; got != want {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", console[0], got, want)
	}
}

// Links between the repository's pages lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	root := envoytest.Root(t)
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	pages := 0
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains([]string{".git", ".envoy", "bin", "_artifacts"}, e.Name()):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		pages++
		text, err := os.ReadFile(path)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	}))
	if pages < 10 {
		t.Errorf("only %d pages were looked at", pages)
	}
}
