package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	output := oneOf{"text", []string{"text", "json"}}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long:  "Version prints the version of this program, the Go that built it, and the revision that it was built from.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{GoVersion: runtime.Version()} // built without modules
			}
			return versionOf(info).print(cmd.OutOrStdout(), output.value)
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "form of the result")
	return cmd
}

// A version is what was built, from what go build itself records: a variable
// for the linker to set would be a second truth.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitzero"` // "" when built outside a repository
	Modified bool   `json:"modified"`          // since that revision
	Go       string `json:"go"`
}

func versionOf(info *debug.BuildInfo) version {
	out := version{Version: cmp.Or(info.Main.Version, "(devel)"), Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			out.Revision = s.Value
		case "vcs.modified":
			out.Modified = s.Value == "true"
		}
	}
	return out
}

func (v version) print(w io.Writer, form string) error {
	if form == "json" {
		return printJSON(w, v)
	}
	revision := cmp.Or(v.Revision, "unknown")
	if v.Revision != "" && v.Modified {
		revision += " with changes"
	}
	_, err := fmt.Fprintf(w, "dragoman %s\nrevision %s\n%s\n", v.Version, revision, v.Go)
	return err
}
