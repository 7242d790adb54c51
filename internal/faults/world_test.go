package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

// patience is how long anything may take on a busy machine.
const patience = 60 * time.Second

var errNotYet = errors.New("not yet")

// steady is how many services there are that nobody edits.
const steady = 4

// forms are the two forms of xDS, as the program prints their bootstrap.
func forms() map[string]func(testing.TB, int) string {
	return map[string]func(testing.TB, int) string{"SotW": servetest.SotW, "delta": servetest.Delta}
}

// A world is a directory, the program that serves it, an Envoy, and one
// upstream behind that.
type world struct {
	*servetest.Server

	form  string
	dir   string
	args  []string
	envoy *envoytest.Envoy
	up    *envoytest.Upstream
	port  int // of Envoy's listener
}

// options say what is unusual about a world.
type options struct {
	form  string   // SotW or delta; delta if empty
	args  []string // flags of the program
	under []string // a command that runs the program in its turn
	dir   string   // a new one if empty

	// bootstrap changes what Envoy starts with.
	bootstrap  func(text string, xds int) string
	envoyUnder []string // a command that runs Envoy in its turn
}

// create makes a world in which everything serves.
func create(t *testing.T, o options) *world {
	t.Helper()
	w := &world{form: o.form, dir: o.dir, args: o.args, port: envoytest.FreePort(t)}
	if w.form == "" {
		w.form = "delta"
	}
	if w.dir == "" {
		w.dir = t.TempDir()
	}
	w.up = envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte("up " + r.Host)) // the client may have gone
	})})
	w.write(t, "listener.yaml", w.listener(""))
	for i := range steady {
		w.write(t, fmt.Sprintf("steady%d.yaml", i), w.service(fmt.Sprint("s", i), 0))
	}
	w.edit(t, 0)
	w.Server = servetest.Start(t, w.dir, servetest.Options{Args: o.args, Under: o.under})
	w.envoy = w.another(t, o)
	w.sees(t, 0)
	return w
}

// another starts an Envoy on the world's control plane.
func (w *world) another(t *testing.T, o options) *envoytest.Envoy {
	t.Helper()
	text := forms()[w.form](t, w.Port)
	if o.bootstrap != nil {
		text = o.bootstrap(text, w.Port)
	}
	e := envoytest.Start(t, envoytest.Options{Bootstrap: text, Under: o.envoyUnder})
	e.WaitLive(t)
	return e
}

// address is where Envoy serves.
func (w *world) address() string { return fmt.Sprintf("127.0.0.1:%d", w.port) }

// listener is the document of the world's listener, with further lines.
func (w *world) listener(more string) string {
	return fmt.Sprintf("listener: http\naddress: 127.0.0.1\nport: %d\n%s", w.port, more)
}

// service is a document of a service that answers from the upstream, and says
// in a header which revision of it does so.
func (w *world) service(name string, revision int) string {
	return fmt.Sprintf("service: %s\nhosts: [%s.example.com]\nupstream: http://%s\n%s", name, name, w.up.Addr, stamp(revision))
}

func stamp(revision int) string {
	return fmt.Sprintf("responseHeaders: {set: {x-revision: \"%d\"}}\n", revision)
}

// write replaces a file of the directory as a careful program does.
func (w *world) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(tmp, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

// edit makes a revision of the one service that is edited to see whether
// changes still arrive.
func (w *world) edit(t *testing.T, revision int) {
	t.Helper()
	w.write(t, "edited.yaml", w.service("edited", revision))
}

// sees waits until Envoy serves a revision of that, and says how long it took.
func (w *world) sees(t *testing.T, revision int) time.Duration {
	t.Helper()
	return serves(t, w.address(), "edited", revision)
}

// serves waits until a revision of a service answers at an address.
func serves(t *testing.T, address, name string, revision int) time.Duration {
	t.Helper()
	begin := time.Now()
	envoytest.Eventually(t, patience, fmt.Sprintf("%s is at revision %d", name, revision), func() error {
		r, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + address + "/", Host: name + ".example.com"})
		if err != nil {
			return err
		}
		if got := r.Header.Get("x-revision"); r.Status != http.StatusOK || got != strconv.Itoa(revision) {
			return fmt.Errorf("it answers %d at revision %q", r.Status, got)
		}
		return nil
	})
	return time.Since(begin)
}

// revision is the one of the edited service that Envoy serves at present.
func (w *world) revision(t *testing.T) int {
	t.Helper()
	r, err := envoytest.Ask(t, envoytest.Request{URL: "http://" + w.address() + "/", Host: "edited.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(r.Header.Get("x-revision"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// again starts the program anew where the last one was.
func (w *world) again(t *testing.T) {
	t.Helper()
	w.Server = servetest.Start(t, w.dir, servetest.Options{Port: w.Port, Args: w.args})
}

// unedited are the targets that nobody edits: services that were there first.
func unedited() []target {
	var out []target
	for i := range steady {
		host := fmt.Sprintf("s%d.example.com", i)
		out = append(out, target{host: host, check: says("up " + host)})
	}
	return out
}

// load begins to ask the services that nobody edits, and others.
func (w *world) load(t *testing.T, more ...target) *load {
	t.Helper()
	return begin(t, w.address(), append(unedited(), more...)...)
}

// over ends a load once it has asked enough: none of its requests may have
// failed. The figures go into the table.
func over(t *testing.T, l *load, fault string, figures ...string) {
	t.Helper()
	envoytest.Eventually(t, patience, "requests enough", func() error {
		if n := l.answered.Load(); n < 300 {
			return fmt.Errorf("only %d", n)
		}
		return nil
	})
	l.stop()
	asked, failed := int(l.asked.Load()), l.failed()
	note(row{fault, asked, failed, figures})
	if failed > 0 {
		t.Errorf("%d of %d requests failed:\n%s", failed, asked, l.words())
	}
	if n := int(l.answered.Load()); n != asked {
		t.Errorf("%d requests were sent and %d ended", asked, n)
	}
}

// hold keeps a fault up for as long as it is to last.
func hold(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test ended during a fault")
	}
}

// status is some of what /api/v1/status has.
type status struct {
	OK     bool
	Envoys struct {
		Connected int
		InSync    int `json:"in_sync"`
	}
	Watch struct {
		Mode      string
		Overflows int
	}
}

// shows waits until the status of the program is such.
func (w *world) shows(t *testing.T, what string, ok func(status) bool) {
	t.Helper()
	envoytest.Eventually(t, patience, what, func() error {
		var got status
		_, body := w.Ask(t, http.MethodGet, "/api/v1/status")
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			return err
		}
		if !ok(got) {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
}

// changes are Envoy's counters that tell of a change of a listener or cluster.
func changes(t *testing.T, e *envoytest.Envoy) string {
	t.Helper()
	return fmt.Sprint(e.Stats(t, `cluster_modified$|cluster_added$|cluster_removed$|listener_manager.listener_(added|modified|removed)$|total_listeners_draining$`))
}

// rejected counts the refusals of a kind of update.
func rejected(t *testing.T, e *envoytest.Envoy) int {
	t.Helper()
	n := 0
	for _, times := range e.Stats(t, `update_rejected$`) {
		n += int(times)
	}
	return n
}

// memory returns what the program took at most, in MiB.
func (w *world) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.Cmd.Process.Pid))
	if err != nil {
		t.Skip(err) // not on Linux
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	kB, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB / 1024
}

// slowest is a figure of the longest of some times.
func slowest(what string, times []time.Duration) string {
	return fmt.Sprintf("%s %v", what, slices.Max(times).Round(time.Millisecond))
}

func figure(what string, n int) string { return strings.TrimSpace(fmt.Sprint(n, " ", what)) }
