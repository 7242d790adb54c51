package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragoman/admin"
	"dragoman/diag"
	"dragoman/fleet"
	"dragoman/internal/golden"
)

const someType = "type.googleapis.com/envoy.config.listener.v3.Listener"

// operated is the admin address of a server with this state and these Envoys.
func operated(t *testing.T, state admin.State, nodes ...fleet.Node) string {
	t.Helper()
	s := admin.New(admin.Options{
		Dir:      "conf",
		State:    func() admin.State { return state },
		Reload:   func(context.Context) (admin.State, error) { return state, nil },
		Services: func() []admin.Service { return nil },
		Watch:    func() admin.Watch { return admin.Watch{} },
		Fleet:    func() fleet.Snapshot { return fleet.Snapshot{Nodes: nodes} },
	})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestOperate(t *testing.T) {
	noon := time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)
	good := admin.State{Looked: noon, OK: true, Files: 2, Versions: []admin.Version{{Version: "v1", At: noon}}}
	held := good
	held.OK, held.Held = false, []string{"cart.yaml"}
	held.Problems = diag.Problems{{Code: diag.UnknownKey, File: "cart.yaml", Line: 6, Col: 5, Msg: `unknown key "timout"`, Hint: `did you mean "timeout"?`}}
	gone := good
	gone.OK, gone.Trouble = false, "no such directory"
	pending := good
	pending.Pending = true
	one := fleet.Node{ID: "edge-1", Cluster: "edge", Peer: "10.0.0.1:1", Connected: true, Since: noon, InSync: true}
	behind := fleet.Node{ID: "edge-2", Cluster: "edge", Peer: "10.0.0.2:1", Connected: true, Since: noon}
	refuses := behind
	refuses.Streams = []fleet.StreamState{{Types: []fleet.Type{{URL: someType, Refused: fleet.Mark{Version: "v1", At: noon}, Words: "cannot bind"}}}}
	left := fleet.Node{ID: "edge-3", Cluster: "edge", Peer: "10.0.0.3:1", Since: noon}

	for name, tt := range map[string]struct {
		state admin.State
		nodes []fleet.Node
		want  int // of both commands
	}{
		"all is well":       {good, []fleet.Node{one, left}, exitOK},
		"nobody":            {good, nil, exitOK},
		"one is behind":     {good, []fleet.Node{one, behind}, exitFindings},
		"one refuses":       {good, []fleet.Node{one, refuses}, exitFindings},
		"a file is held":    {held, []fleet.Node{one}, exitFindings},
		"the directory":     {gone, []fleet.Node{one}, exitFindings},
		"not published":     {pending, []fleet.Node{one}, exitFindings},
		"nothing published": {admin.State{Looked: noon}, nil, exitFindings},
	} {
		t.Run(name, func(t *testing.T) {
			address := operated(t, tt.state, tt.nodes...)
			var text strings.Builder
			for _, args := range [][]string{{"status"}, {"wait", "--timeout", "300ms"}} {
				var stdout, stderr bytes.Buffer
				code := run(t.Context(), append(args, "--admin", address), streams{new(bytes.Buffer), &stdout, &stderr})
				if code != tt.want {
					t.Errorf("%v: exit %d, want %d", args, code, tt.want)
				}
				fmt.Fprintf(&text, "== %s\n%s-- stderr\n%s", args[0], stdout.String(), stderr.String())
			}
			golden.Text(t, filepath.Join("testdata", "operate", strings.ReplaceAll(name, " ", "_")+".txt"), text.String())

			var stdout bytes.Buffer
			code := run(t.Context(), []string{"status", "-o", "json", "--admin", address}, streams{new(bytes.Buffer), &stdout, &stdout})
			var all struct{ Status, Nodes, Problems map[string]any }
			if err := json.Unmarshal(stdout.Bytes(), &all); err != nil || all.Status["directory"] != "conf" || code != tt.want {
				t.Errorf("status -o json: exit %d, %v\n%s", code, err, stdout.String())
			}
		})
	}
}

// A version that serves or has served is waited for only until the Envoys have
// what serves now; a held file is no reason to give up.
func TestWaitForAVersion(t *testing.T) {
	now := time.Now()
	state := admin.State{Looked: now, Held: []string{"cart.yaml"}, Versions: []admin.Version{{Version: "v2", At: now}, {Version: "v1", At: now}}}
	one := fleet.Node{ID: "edge-1", Connected: true, InSync: true}
	behind := fleet.Node{ID: "edge-2", Connected: true}
	for _, tt := range []struct {
		version string
		nodes   []fleet.Node
		want    int
	}{
		{"v2", []fleet.Node{one}, exitOK},
		{"v1", []fleet.Node{one}, exitOK},
		{"v1", []fleet.Node{one, behind}, exitFindings},
		{"v3", []fleet.Node{one}, exitFindings},
	} {
		var stdout, stderr bytes.Buffer
		address := operated(t, state, tt.nodes...)
		code := run(t.Context(), []string{"wait", "--version", tt.version, "--timeout", "300ms", "--admin", address}, streams{new(bytes.Buffer), &stdout, &stderr})
		if code != tt.want || (stdout.Len() > 0) != (code == exitOK) || (stderr.Len() > 0) == (code == exitOK) {
			t.Errorf("wait --version %s with %d Envoys: exit %d, want %d\n%s%s", tt.version, len(tt.nodes), code, tt.want, stdout.String(), stderr.String())
		}
	}
}

// What cannot be asked is no finding.
func TestOperateFails(t *testing.T) {
	other := httptest.NewServer(nil) // some other server: 404
	defer other.Close()
	address := strings.TrimPrefix(other.URL, "http://")
	for _, args := range [][]string{
		{"status", "--admin", "127.0.0.1:1"},
		{"wait", "--admin", "127.0.0.1:1"},
		{"status", "--admin", address},
		{"wait", "--admin", address},
		{"wait", "--admin", address, "--version", "v1"},
		{"status", "--admin", "a b"},
		{"wait", "--admin", address, "--timeout", "0"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, streams{new(bytes.Buffer), &stdout, &stderr})
		if code != exitFailed || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", args, code, stdout.String(), stderr.String())
		}
	}
}
