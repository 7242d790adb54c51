package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"dragoman/admin"
	"dragoman/diag"
	"dragoman/fleet"
	"dragoman/internal/golden"
)

const (
	clusters  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	listeners = "type.googleapis.com/envoy.config.listener.v3.Listener"
)

var (
	noon     = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)
	problem  = diag.Problem{Code: diag.UnknownKey, File: "cart.yaml", Line: 6, Col: 5, Width: 6, Field: "routes[0].timout", Msg: `unknown key "timout" in a route`, Hint: `did you mean "timeout"?`}
	warning  = diag.Problem{Severity: diag.Warning, Code: diag.NoEffect, File: "shop.yaml", Line: 2, Col: 1, Msg: "this has no effect"}
	envoysUp = fleet.Snapshot{
		Published: fleet.Published{Versions: map[string]string{clusters: "c2", listeners: "l1"}, At: noon},
		NACKs:     map[string]uint64{listeners: 3},
		Nodes: []fleet.Node{
			{ID: "edge-1", Cluster: "edge", Peer: "10.0.0.1:1", Connected: true, Since: noon, InSync: true},
			{ID: "edge-2", Cluster: "edge", Peer: "10.0.0.2:1", Connected: true, Since: noon, Streams: []fleet.StreamState{{
				Stream: fleet.Stream{Node: "edge-2", Protocol: "delta", Service: "ADS"}, Since: noon,
				Types: []fleet.Type{
					{URL: clusters, InSync: true, Offered: at("c2"), Accepted: at("c2")},
					{URL: listeners, Offered: at("l1"), Refused: at("l1"), Words: "cannot bind <here>"},
				},
			}}},
			{ID: "edge-3", Cluster: "edge", Peer: "10.0.0.3:1", Since: noon},
		},
	}
)

func at(version string) fleet.Mark { return fleet.Mark{Version: version, At: noon} }

// good is a directory that is served, bad one with a file that is held back.
func good() admin.State {
	return admin.State{
		Looked: noon.Add(time.Minute), Succeeded: noon, OK: true, Files: 3, Services: 2,
		Versions: []admin.Version{
			{Version: "v2", At: noon, Services: 2, Resources: map[string]int{clusters: 2, listeners: 1}, Changed: 1, Files: []string{"cart.yaml"}},
			{Version: "v1", At: noon.Add(-time.Hour), Services: 1, Resources: map[string]int{clusters: 1}, Changed: 2, Files: []string{"cart.yaml", "shop.yaml"}},
		},
	}
}

func bad() admin.State {
	s := good()
	s.OK, s.Held, s.Unsettled = false, []string{"cart.yaml"}, []string{"new.yaml"}
	s.Problems = diag.Problems{problem, warning}
	s.Refusals = diag.Problems{{Code: diag.Refused, File: "cart.yaml", Line: 1, Col: 1, Width: 1, Msg: `cluster "cart" is refused by edge-1 and 41 others: no`, Hint: "mend it"}}
	s.Refused = map[string]int{clusters: 1}
	return s
}

func server(state admin.State, reload func(context.Context) (admin.State, error)) *admin.Server {
	return admin.New(admin.Options{
		Dir:    "conf",
		State:  func() admin.State { return state },
		Reload: reload,
		Fleet:  func() fleet.Snapshot { return envoysUp },
		Refusals: func() map[string]uint64 {
			return map[string]uint64{"handshake": 2, "size": 0}
		},
		Watch: func() admin.Watch { return admin.Watch{Mode: "notify", Events: 7, Overflows: 1, Rearms: 2} },
		Services: func() []admin.Service {
			return []admin.Service{
				{Name: "cart", File: "cart.yaml", Line: 1, Hosts: []string{"cart.example.com"}, Listeners: []string{"http"}, Routes: 2},
				{Name: "stock", File: "shop.yaml", Line: 9},
			}
		},
	})
}

func ask(s *admin.Server, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// Each answer is a golden file: its names are what programs rely on.
func TestAPI(t *testing.T) {
	nothing := func(context.Context) (admin.State, error) { return admin.State{}, nil }
	for name, state := range map[string]admin.State{"good": good(), "bad": bad(), "empty": {}} {
		got := map[string]string{}
		for _, path := range []string{"status", "problems", "nodes", "services", "versions"} {
			w := ask(server(state, nothing), http.MethodGet, "/api/v1/"+path)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d %s %s", path, w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			got[path+".json"] = w.Body.String()
		}
		golden.Dir(t, filepath.Join("testdata", name), got)
	}
	golden.Text(t, filepath.Join("testdata", "index.txt"), ask(server(good(), nothing), http.MethodGet, "/").Body.String())
}

func TestReady(t *testing.T) {
	held := func(names ...string) admin.State { return admin.State{Looked: noon, Held: names} }
	troubled := good()
	troubled.OK, troubled.Trouble = false, "gone"
	for _, tt := range []struct {
		state admin.State
		code  int
		body  string
	}{
		{admin.State{}, 503, "the directory has not been read yet"},
		{admin.State{Looked: noon, Trouble: "no such directory"}, 503, "the directory cannot be read: no such directory"},
		{admin.State{Looked: noon}, 503, "the directory holds no document yet"},
		{held("a.yaml"), 503, "nothing valid to serve: a.yaml is wrong; see /api/v1/problems"},
		{held("a.yaml", "b.yaml"), 503, "nothing valid to serve: 2 files are wrong; see /api/v1/problems"},
		{admin.State{Looked: noon, Pending: true, OK: true}, 503, "the first configuration could not be published yet; see the log"},
		{good(), 200, "ok"},
		{bad(), 200, "ok"},
		{troubled, 200, "ok"},
	} {
		s := server(tt.state, nil)
		if w := ask(s, http.MethodGet, "/readyz"); w.Code != tt.code || w.Body.String() != tt.body+"\n" {
			t.Errorf("readyz: %d %q, want %d %q", w.Code, w.Body, tt.code, tt.body)
		}
		if w := ask(s, http.MethodGet, "/healthz"); w.Code != http.StatusOK {
			t.Errorf("healthz: %d, want 200 whatever the configuration", w.Code)
		}
	}
}

// Profiles are there for those who ask for them when the server is started.
func TestProfiles(t *testing.T) {
	for profile, want := range map[bool]int{false: http.StatusNotFound, true: http.StatusOK} {
		s := admin.New(admin.Options{State: good, Profile: profile})
		for _, path := range []string{"", "heap", "cmdline", "profile?seconds=1"} {
			if w := ask(s, http.MethodGet, "/debug/pprof/"+path); w.Code != want {
				t.Errorf("with Profile %t: /debug/pprof/%s: %d, want %d", profile, path, w.Code, want)
			}
		}
	}
}

func TestReloadAndApprove(t *testing.T) {
	pending := good()
	pending.Pending = true
	for name, tt := range map[string]struct {
		state admin.State
		err   error
		want  int
	}{
		"good":    {good(), nil, http.StatusOK},
		"bad":     {bad(), nil, http.StatusUnprocessableEntity},
		"pending": {pending, nil, http.StatusServiceUnavailable},
		"late":    {admin.State{}, errors.New("waiting for a look: too late"), http.StatusServiceUnavailable},
	} {
		for _, path := range []string{"reload", "approve"} {
			t.Run(name+" "+path, func(t *testing.T) {
				done := map[string]int{}
				do := func(what string) func(context.Context) (admin.State, error) {
					return func(ctx context.Context) (admin.State, error) {
						done[what]++
						if _, ok := ctx.Deadline(); !ok {
							t.Error("it may take for ever")
						}
						return tt.state, tt.err
					}
				}
				s := admin.New(admin.Options{Reload: do("reload"), Approve: do("approve")})
				w := ask(s, http.MethodPost, "/api/v1/"+path)
				if w.Code != tt.want || done[path] != 1 || len(done) != 1 {
					t.Errorf("%d after %v, want %d after one %s", w.Code, done, tt.want, path)
				}
				golden.Text(t, filepath.Join("testdata", "reload", name+".json"), w.Body.String())
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	s := server(good(), func(context.Context) (admin.State, error) {
		t.Error("it looks")
		return admin.State{}, nil
	})
	for request, want := range map[string]string{
		"POST /healthz":          "405 GET, HEAD",
		"POST /api/v1/status":    "405 GET, HEAD",
		"DELETE /metrics":        "405 GET, HEAD",
		"GET /api/v1/reload":     "405 POST",
		"HEAD /api/v1/reload":    "405 POST",
		"GET /api/v1/approve":    "405 POST",
		"GET /api/v1/nodes/more": "404",
		"POST /api/v2":           "404",
	} {
		method, path, _ := strings.Cut(request, " ")
		w := ask(s, method, path)
		got := strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Allow")))
		if got != want {
			t.Errorf("%s: %d, Allow %q, want %s", request, w.Code, w.Header().Get("Allow"), want)
		}
		wantError(t, w)
	}
	if w := ask(s, http.MethodHead, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("HEAD /readyz: %d, want 200", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/reload", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a POST from the page of another site: %d, want 403", w.Code)
	}
	wantError(t, w)
}

func wantError(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == "" {
		t.Errorf("the error is not one in JSON: %v %q", err, w.Body)
	}
}

// Names, help and labels are what alerts are made of.
func TestMetrics(t *testing.T) {
	s := server(bad(), nil)
	s.Reloaded(true, 20*time.Millisecond)
	s.Reloaded(true, 20*time.Millisecond)
	s.Reloaded(false, 3*time.Second)
	s.Propagated(5 * time.Millisecond)
	body := ask(s, http.MethodGet, "/metrics").Body.String()
	faults, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if strings.HasPrefix(f.Metric, "dragoman_") {
			t.Errorf("%s: %s", f.Metric, f.Text)
		}
	}
	var ours strings.Builder
	for line := range strings.Lines(body) {
		if strings.Contains(line, "dragoman_") && !strings.HasPrefix(line, "go_build_info") {
			ours.WriteString(line)
		}
	}
	golden.Text(t, filepath.Join("testdata", "metrics.txt"), ours.String())
	for _, name := range []string{"go_goroutines ", "go_build_info{", "process_resident_memory_bytes "} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
}

// Before anything was read there is nothing to report, and no version.
func TestMetricsOfNothing(t *testing.T) {
	body := ask(server(admin.State{}, nil), http.MethodGet, "/metrics").Body.String()
	for _, want := range []string{
		"dragoman_config_last_reload_successful 0", "dragoman_config_last_reload_success_timestamp_seconds 0",
		`dragoman_reloads_total{result="failure"} 0`, `dragoman_nacks_total{type="cds"} 0`,
	} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
	if strings.Contains(body, "dragoman_config_info") {
		t.Error("there is a version")
	}
}

// Run answers, and ends soon although a client is slow.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looking := make(chan struct{})
	s := server(good(), func(ctx context.Context) (admin.State, error) {
		close(looking)
		<-ctx.Done()
		return admin.State{}, ctx.Err()
	})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, []net.Listener{l}) }()
	r, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body) // an empty one is not what is wanted
	r.Body.Close()
	if string(body) != "ok\n" {
		t.Errorf("healthz: %q", body)
	}
	idle, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := io.WriteString(idle, "POST /api/v1/reload HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-looking
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Run goes on 10 s after it was told to end")
	}
}

// The page of the admin address has every path, field and metric.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "admin.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, w := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(page), -1) {
		words[strings.Trim(strings.TrimPrefix(w, "`POST "), "`")] = true
	}
	missing := func(what string) {
		if !words[what] {
			t.Errorf("docs/admin.md does not have `%s`", what)
		}
	}
	text, err := filepath.Glob(filepath.Join("testdata", "*", "*.json"))
	if err != nil || len(text) < 10 {
		t.Fatalf("%d golden files, %v", len(text), err)
	}
	for _, path := range text {
		if filepath.Base(path) == "problems.json" {
			continue // validate's
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		body = regexp.MustCompile(`(?s)"report": \{.*`).ReplaceAll(body, []byte(`"report":`))
		for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllSubmatch(body, -1) {
			missing(string(m[1]))
		}
	}
	index := ask(server(good(), nil), http.MethodGet, "/").Body.String()
	for _, path := range regexp.MustCompile(`(?m)^/\S+`).FindAllString(index, -1) {
		missing(path)
	}
	body := ask(server(good(), nil), http.MethodGet, "/metrics").Body.String()
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (dragoman_\w+) (\w+)`).FindAllStringSubmatch(body, -1) {
		if !regexp.MustCompile("(?m)^\\| `" + m[1] + `(\{\w+\})?` + "` \\| " + m[2] + " \\|").Match(page) {
			t.Errorf("docs/admin.md does not have the %s %s", m[2], m[1])
		}
	}
}
