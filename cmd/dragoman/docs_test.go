package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dragoman/internal/envoytest"
	"dragoman/internal/golden"
)

const docsIntroduction = `# Command line

What each command says with ` + "`--help`" + `; ` + "`make golden`" + ` writes this page.

Results go to standard output, everything else to standard error.

| exit code | means |
|---|---|
| 0 | all is well |
| 1 | the job is done, and something is wrong: the configuration has errors |
| 2 | the job could not be done: usage, files, network |
`

// The page cannot drift: it is the help of every command there is.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(docsIntroduction)
	root := newRoot(streams{})
	root.InitDefaultCompletionCmd()
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		path := c.CommandPath()
		b.WriteString("\n## " + path + "\n\n```text\n" + help(t, strings.Fields(path)[1:]) + "```\n")
	}
	golden.Text(t, filepath.Join(envoytest.Root(t), "docs", "cli.md"), b.String())
}

// help is what a user sees with --help.
func help(t *testing.T, command []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append(command, "--help"), streams{new(bytes.Buffer), &stdout, &stderr})
	if code != exitOK || stderr.Len() > 0 {
		t.Fatalf("%v --help: exit %d, stderr %q", command, code, stderr.String())
	}
	return stdout.String()
}

// A command or a flag that says nothing of itself would be in the page and
// still not be documented.
func TestEverythingHasHelp(t *testing.T) {
	commands := newRoot(streams{}).Commands()
	if len(commands) < 7 {
		t.Errorf("there are %d commands, want serve, validate, render, bootstrap, schema, init, version", len(commands))
	}
	for _, c := range commands {
		if c.Short == "" || c.Long == "" || c.Hidden {
			t.Errorf("%s: no short text, no long text, or hidden", c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || f.Hidden {
				t.Errorf("%s --%s: no text, or hidden", c.CommandPath(), f.Name)
			}
		})
	}
}
