package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abcd"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, tt := range []struct {
		name       string
		info       *debug.BuildInfo
		text, json string
	}{
		{
			"released", built("v1.2.3", revision, debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
			"dragoman v1.2.3\nrevision 0123abcd\ngo1.26.0\n",
			`{"version": "v1.2.3", "revision": "0123abcd", "modified": false, "go": "go1.26.0"}`,
		},
		{
			"with changes", built("v1.2.4-0.2026+dirty", revision, modified),
			"dragoman v1.2.4-0.2026+dirty\nrevision 0123abcd with changes\ngo1.26.0\n",
			`{"version": "v1.2.4-0.2026+dirty", "revision": "0123abcd", "modified": true, "go": "go1.26.0"}`,
		},
		{
			"without a repository", built("(devel)"),
			"dragoman (devel)\nrevision unknown\ngo1.26.0\n",
			`{"version": "(devel)", "modified": false, "go": "go1.26.0"}`,
		},
		{
			"without modules", built(""),
			"dragoman (devel)\nrevision unknown\ngo1.26.0\n",
			`{"version": "(devel)", "modified": false, "go": "go1.26.0"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for form, want := range map[string]string{"text": tt.text, "json": tt.json} {
				var out strings.Builder
				if err := versionOf(tt.info).print(&out, form); err != nil {
					t.Fatal(err)
				}
				got := out.String()
				if form == "json" {
					got = strings.NewReplacer("{\n  ", "{", "\n  ", " ", "\n", "").Replace(got)
				}
				if got != want {
					t.Errorf("-o %s: got %q, want %q", form, got, want)
				}
			}
		})
	}
}
