package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

// status is some of what /api/v1/status has.
type status struct {
	Version string
	OK      bool
	Envoys  struct {
		Connected int
		InSync    int `json:"in_sync"`
	}
}

// shows waits until the status is this.
func (s *server) shows(t *testing.T, what string, ok func(status) bool) {
	t.Helper()
	envoytest.Eventually(t, patience, what, func() error {
		var got status
		_, body := s.Ask(t, http.MethodGet, "/api/v1/status")
		if err := json.Unmarshal([]byte(body), &got); err != nil || !ok(got) {
			return fmt.Errorf("%w: %s", err, body)
		}
		return nil
	})
}

// metric waits until a metric has a value that matches.
func (s *server) metric(t *testing.T, name, value string) {
	t.Helper()
	want := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + " " + value + "$")
	envoytest.Eventually(t, patience, name, func() error {
		if _, body := s.Ask(t, http.MethodGet, "/metrics"); !want.MatchString(body) {
			return fmt.Errorf("no match for %s", want)
		}
		return nil
	})
}

func TestReadiness(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	envoytest.Eventually(t, patience, "it says that there is nothing", func() error {
		if code, body := s.Ask(t, http.MethodGet, "/readyz"); code != http.StatusServiceUnavailable || body != "the directory holds no document yet\n" {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	path := filepath.Join(dir, "web.yaml")
	write(t, path, answer("web", "one")+"tiemout: 5s\n")
	code, body := s.Ask(t, http.MethodPost, "/api/v1/reload")
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, `"line": 5`) {
		t.Errorf("reload of a bad file: %d %s", code, body)
	}
	if code, body = s.Ask(t, http.MethodGet, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "web.yaml is wrong") {
		t.Errorf("readyz beside a bad file: %d %s", code, body)
	}
	write(t, path, answer("web", "one"))
	if code, body = s.Ask(t, http.MethodPost, "/api/v1/reload"); code != http.StatusOK {
		t.Errorf("reload of a good file: %d %s", code, body)
	}
	if code, body = s.Ask(t, http.MethodGet, "/readyz"); code != http.StatusOK {
		t.Errorf("readyz after that: %d %s", code, body)
	}
	if code, _ = s.Ask(t, http.MethodGet, "/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
}

// A refusal is seen for which Envoy it is and in what words, and a bad file
// with its place; both are over when they are mended.
func TestAdminShowsWhoRunsWhat(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir)
	f.shows(t, "Envoy is in sync", func(s status) bool { return s.OK && s.Envoys.Connected == 1 && s.Envoys.InSync == 1 })
	write(t, filepath.Join(dir, "web.yaml"), strings.Replace(answer("web", "one"), "routes:", "listeners: [http]\nroutes:", 1))
	f.wants(t, "web", http.StatusOK, "one")
	f.shows(t, "Envoy is in sync again", func(s status) bool { return s.Envoys.InSync == 1 })
	f.metric(t, "dragoman_propagation_seconds_count", "[1-9][0-9]*")
	f.metric(t, "dragoman_config_last_reload_successful", "1")
	f.metric(t, `dragoman_config_files{state="served"}`, "2")

	taken := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: "squatter"})
	_, port, _ := strings.Cut(taken.Addr, ":")
	bad := filepath.Join(dir, "bad.yaml")
	write(t, bad, fmt.Sprintf("listener: taken\naddress: 127.0.0.1\nport: %s\n", port))
	f.metric(t, `dragoman_nacks_total{type="lds"}`, "1")
	f.metric(t, "dragoman_envoys_in_sync", "0")
	f.metric(t, "dragoman_connected_envoys", "1")
	var nodes struct {
		Nodes []struct {
			ID      string
			Streams []struct {
				Types []struct {
					Type     string
					Accepted struct{ Version string }
					Refused  struct{ Version, Error string }
				}
			}
		}
		Versions map[string]string
	}
	_, body := f.Ask(t, http.MethodGet, "/api/v1/nodes")
	if err := json.Unmarshal([]byte(body), &nodes); err != nil || len(nodes.Nodes) != 1 {
		t.Fatalf("want one node: %v\n%s", err, body)
	}
	seen := map[string]bool{}
	for _, s := range nodes.Nodes[0].Streams {
		for _, typ := range s.Types {
			refused := typ.Refused.Version == nodes.Versions[typ.Type] && strings.Contains(typ.Refused.Error, "taken")
			if refused != (typ.Type == "lds") || typ.Accepted.Version == "" {
				t.Errorf("%s is refused, or not accepted", typ.Type)
			}
			seen[typ.Type] = true
		}
	}
	if !seen["lds"] || !seen["rds"] || !seen["rtds"] || nodes.Nodes[0].ID == "" {
		t.Errorf("a type is not there, or the name:\n%s", body)
	}

	write(t, bad, "listener: taken\nport: [80]\n")
	envoytest.Eventually(t, patience, "the bad file is a problem", func() error {
		if _, body := f.Ask(t, http.MethodGet, "/api/v1/problems"); !strings.Contains(body, `"file": "bad.yaml"`) || !strings.Contains(body, `"line": 2`) {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
	f.metric(t, `dragoman_config_files{state="held"}`, "1")
	f.metric(t, "dragoman_config_last_reload_successful", "0")
	write(t, bad, fmt.Sprintf("listener: taken\naddress: 127.0.0.1\nport: %d\n", envoytest.FreePort(t)))
	f.shows(t, "all is well", func(s status) bool { return s.OK && s.Envoys.InSync == 1 })

	write(t, filepath.Join(dir, "web.yaml"), strings.Replace(answer("web", "two"), "routes:", "listeners: [http]\nroutes:", 1))
	binary := servetest.Binary(t)
	if out, err := exec.Command(binary, "wait", "--admin", f.Admin(t)).CombinedOutput(); err != nil || !strings.Contains(string(out), "1 of 1 connected Envoys in sync") {
		t.Errorf("dragoman wait: %v\n%s", err, out)
	}
	f.wants(t, "web", http.StatusOK, "two")
	if out, err := exec.Command(binary, "status", "--admin", f.Admin(t)).CombinedOutput(); err != nil || !strings.Contains(string(out), "test-id") {
		t.Errorf("dragoman status: %v\n%s", err, out)
	}
	f.envoy.Stop()
	f.shows(t, "Envoy is gone", func(s status) bool { return s.Envoys.Connected == 0 })
}
