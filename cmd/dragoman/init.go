package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"dragoman/schema"
)

// schemaDir holds the schemas for editors. The loader passes hidden names by.
const schemaDir = ".dragoman"

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first service file",
		Long: "Init writes hello.yaml, a service that answers by itself, and the JSON Schemas that let an editor check and\n" +
			"complete it, into DIR or the current directory. It never overwrites a file.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if err := writeFirst(dir); err != nil {
				return err
			}
			return printNext(cmd.OutOrStdout(), dir)
		},
	}
}

// A draft is a file to be written.
type draft struct {
	name string // relative, with slashes
	data []byte
}

func drafts() ([]draft, error) {
	out := []draft{{"hello.yaml", []byte(helloService)}}
	for _, kind := range schema.Kinds() {
		text, err := schema.Text(kind)
		if err != nil {
			return nil, err
		}
		out = append(out, draft{path.Join(schemaDir, kind+".schema.json"), text})
	}
	return out, nil
}

// writeFirst writes all files or, if one of them is there already, none.
func writeFirst(dir string) error {
	files, err := drafts()
	if err != nil {
		return err
	}
	var taken []string
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if _, err := os.Lstat(name); err == nil {
			taken = append(taken, name)
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("nothing is written: there is already %s", strings.Join(taken, ", "))
	}
	if err := os.MkdirAll(filepath.Join(dir, schemaDir), 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(f.name)), f.data); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a file that is not there yet, also if one appeared since we
// looked.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func printNext(w io.Writer, dir string) error {
	inRepository := "DIR"
	if filepath.IsLocal(dir) {
		inRepository = filepath.ToSlash(dir)
	}
	return template.Must(template.New("next").Parse(nextSteps)).Execute(w, map[string]string{
		"File":         filepath.Join(dir, "hello.yaml"),
		"Dir":          dir,
		"Schemas":      filepath.Join(dir, schemaDir),
		"InRepository": inRepository,
	})
}

// helloService answers by itself, so that the first request needs nothing but
// Dragoman and Envoy.
const helloService = `# yaml-language-server: $schema=.dragoman/service.schema.json
service: hello
hosts: ["*"]
routes:
  - path: /hello
    respond:
      status: 200
      body: "Hello from Envoy\n"
  # Everything else. To send it to a server of yours, put this at the top and
  # take the respond out:
  #
  #   upstream: http://127.0.0.1:8080
  - prefix: /
    respond:
      status: 404
      body: "Nothing here yet: edit hello.yaml\n"
`

const nextSteps = `Wrote {{.File}}, and schemas for editors in {{.Schemas}}.

Next:

  dragoman validate {{.Dir}}
  dragoman serve {{.Dir}}

and in another terminal:

  dragoman bootstrap > envoy.yaml
  envoy -c envoy.yaml

and in a third:

  curl http://localhost:10000/hello

Then edit {{.File}} and ask again.

To check each pull request on GitHub, .github/workflows/dragoman.yaml:

  on: pull_request
  jobs:
    dragoman:
      runs-on: ubuntu-latest
      steps:
        - uses: actions/checkout@v4
        # install dragoman here
        - run: dragoman validate -o github {{.InRepository}}
`
