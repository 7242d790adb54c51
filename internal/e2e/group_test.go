package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/internal/servetest"
)

const oneService = `service: %[1]s
listeners: [%[1]s]
hosts: [%[1]s.example.com]
upstream: http://127.0.0.1:1
---
listener: %[1]s
address: 127.0.0.1
port: %[2]d
groups: [%[1]s]
`

// twoGroups writes a listener with a service for each of two groups, one for
// all, and a service for nobody. The groups are of the ids given.
func twoGroups(t *testing.T, dir, edge, mesh string) {
	t.Helper()
	for _, group := range []string{"edge", "mesh"} {
		write(t, filepath.Join(dir, group+".yaml"), fmt.Sprintf(oneService, group, envoytest.FreePort(t)))
	}
	write(t, filepath.Join(dir, "all.yaml"), strings.ReplaceAll(fmt.Sprintf(oneService, "common", envoytest.FreePort(t)), "groups: [common]\n", ""))
	write(t, filepath.Join(dir, "nobodys.yaml"), "service: nobodys\nupstream: http://127.0.0.1:1\n")
	writeGroups(t, dir, edge, mesh)
}

func writeGroups(t *testing.T, dir, edge, mesh string) {
	t.Helper()
	write(t, filepath.Join(dir, "groups.yaml"), fmt.Sprintf("group: edge\nmatch: [{id: %q}]\n---\ngroup: mesh\nmatch: [{id: %q}]\n", edge, mesh))
}

// Two groups of Envoys on one server: each has its own, and an edit of the
// groups moves them on the connection that they have.
func TestGroupsOfEnvoys(t *testing.T) {
	envoytest.Binary(t)
	dir := t.TempDir()
	twoGroups(t, dir, "edge-*", "mesh-?")
	s := serve(t, dir, "--linger", "100ms")
	envoys := map[string]*envoytest.Envoy{}
	for id, form := range map[string]string{"edge-1": "", "edge-2": "--sotw", "mesh-1": "", "mesh-2": "--sotw", "other": ""} {
		args := []string{"--node-id", id}
		if form != "" {
			args = append(args, form)
		}
		envoys[id] = brief(t, servetest.Bootstrap(t, s.Port, args...))
	}
	for id, envoy := range envoys {
		envoy.WaitLive(t)
		envoytest.Eventually(t, patience, id+" has what is for it", has(t, envoy, group(id), "common"))
	}

	connections := map[string]int64{}
	for id, envoy := range envoys {
		connections[id] = envoy.Stats(t, "^cluster.dragoman.upstream_cx_total$")["cluster.dragoman.upstream_cx_total"]
	}
	writeGroups(t, dir, "mesh-*", "edge-[12]")
	other := map[string]string{"edge": "mesh", "mesh": "edge"}
	for id, envoy := range envoys {
		envoytest.Eventually(t, patience, id+" has what is for it now", has(t, envoy, other[group(id)], "common"))
		if got := envoy.Stats(t, "^cluster.dragoman.upstream_cx_total$")["cluster.dragoman.upstream_cx_total"]; got != connections[id] {
			t.Errorf("%s has connected %d times, want %d", id, got, connections[id])
		}
	}

	// A listener that is for all from now on comes to all.
	write(t, filepath.Join(dir, "edge.yaml"), strings.ReplaceAll(fmt.Sprintf(oneService, "edge", envoytest.FreePort(t)), "groups: [edge]\n", ""))
	envoytest.Eventually(t, patience, "the other has the listener", has(t, envoys["other"], "common", "edge"))
}

// brief starts an Envoy that is done with what it has lost after a second, not
// after ten minutes: until then a listener and its routes are in its dump.
func brief(t *testing.T, bootstrap string) *envoytest.Envoy {
	t.Helper()
	return envoytest.Start(t, envoytest.Options{Bootstrap: bootstrap, Args: []string{"--drain-time-s", "1"}})
}

// group is the group in an id's name, or "" for other.
func group(id string) string {
	name, _, grouped := strings.Cut(id, "-")
	if !grouped {
		return ""
	}
	return name
}

// has wants that an Envoy has just these listeners, with route configurations
// and clusters of the same names.
func has(t *testing.T, envoy *envoytest.Envoy, names ...string) func() error {
	t.Helper()
	want := map[string]bool{}
	for _, name := range names {
		if name != "" {
			want[name] = true
		}
	}
	return func() error {
		for what, path := range map[string][]string{
			"dynamic_active_clusters": {"cluster", "name"},
			"dynamic_listeners":       {"name"},
			"dynamic_route_configs":   {"route_config", "name"},
		} {
			got, err := dumped(envoy.ConfigDump(t, "resource="+what), path)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%s: want -, got +:\n%s", what, diff)
			}
		}
		return nil
	}
}

// dumped are the names at a path in each entry of a dump.
func dumped(dump []byte, path []string) (map[string]bool, error) {
	var page struct{ Configs []map[string]any }
	if err := json.Unmarshal(dump, &page); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, c := range page.Configs {
		var at any = c
		for _, key := range path {
			object, _ := at.(map[string]any)
			at = object[key]
		}
		if name, ok := at.(string); ok {
			out[name] = true
		}
	}
	return out, nil
}

// Listeners of two groups may have one port. An Envoy that is in both gets the
// first by name, and the log says what it does not get.
func TestAnEnvoyInTwoGroupsWithOnePort(t *testing.T) {
	envoytest.Binary(t)
	dir := t.TempDir()
	twoGroups(t, dir, "*", "both")
	port := envoytest.FreePort(t)
	for _, group := range []string{"edge", "mesh"} {
		write(t, filepath.Join(dir, group+".yaml"), fmt.Sprintf(oneService, group, port))
	}
	s := serve(t, dir, "--linger", "100ms")
	envoy := brief(t, servetest.Bootstrap(t, s.Port, "--node-id", "both"))
	envoy.WaitLive(t)
	envoytest.Eventually(t, patience, "it has the first of the two", has(t, envoy, "common", "edge"))
	warned := s.Log.Entries("listener left out")
	if len(warned) != 1 || warned[0]["listener"] != "mesh" || warned[0]["by"] != "edge" || warned[0]["node"] != "both" || warned[0]["level"] != "WARN" {
		t.Errorf("the log has %v, want one warning of mesh", warned)
	}
	writeGroups(t, dir, "nobody", "both")
	envoytest.Eventually(t, patience, "it has the other when it is in its group alone", has(t, envoy, "common", "mesh"))
}
