package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"dragoman/translator"
)

// staticAdmin is the admin endpoint of a static bootstrap: on loopback, since
// whoever reaches it can stop Envoy.
const staticAdmin = "127.0.0.1:9901"

// A renderCommand is what the flags of render say.
type renderCommand struct {
	output  oneOf
	types   someOf
	static  bool
	node    nodeFlag
	loading loading
}

func newRender() *cobra.Command {
	r := renderCommand{
		output: oneOf{"yaml", []string{"yaml", "json"}},
		types:  someOf{choices: []string{"cds", "eds", "lds", "rds", "srds", "rtds", "sds"}},
	}
	cmd := &cobra.Command{
		Use:   "render DIR",
		Short: "Print what Envoy would get from a directory",
		Long: "Render prints the Envoy resources of DIR, or of one file, or of standard input (-), in an order that depends on\n" +
			"their names alone: equal configurations give equal bytes. A configuration with errors is not rendered. Private keys are not\n" +
			"printed; with --static certificates are the files that they were read from, which Envoy then reads itself.",
		Args: oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args[0])
		},
	}
	f := cmd.Flags()
	f.VarP(&r.output, "output", "o", "form of the result")
	f.Var(&r.types, "type", "only resources of these types, parted by commas (default all)")
	f.BoolVar(&r.static, "static", false, "print one complete bootstrap for envoy -c instead, with its admin endpoint on "+staticAdmin)
	r.node.flags(f, "only what is for")
	r.loading.flags(f)
	return cmd
}

func (r *renderCommand) run(cmd *cobra.Command, dir string) error {
	if r.static && len(r.types.values) > 0 {
		return errors.New("--static prints the whole configuration: leave out --type")
	}
	node, err := r.node.node()
	if err != nil {
		return err
	}
	res, err := r.loading.load([]string{dir}, cmd.InOrStdin())
	if err != nil {
		return err
	}
	res.seenFrom(node)
	if err := printProblems(cmd.ErrOrStderr(), "text", res.problems); err != nil {
		return err
	}
	if res.problems.HasErrors() {
		return errFindings
	}
	resources, _ := translator.Translate(res.config, r.loading.translate) // load has printed what it finds
	resources.Secrets = translator.Redacted(resources.Secrets)
	if r.static {
		resources.Secrets = translator.SecretsInFiles(res.config, absolute)
	}
	switch {
	case node != nil:
		resources = within(res.snapshot.View(node), resources)
	case r.static && len(resources.GroupsOf) > 0:
		return errors.New("some listeners are for groups of Envoys, and --static is for one of them: say which with --node")
	}
	out, err := r.values(node, resources)
	if err != nil {
		return err
	}
	return printValue(cmd.OutOrStdout(), r.output.value, out)
}

// absolute is where a file is for a program that runs elsewhere.
func absolute(path string) string {
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return path // there is no working directory any more
	}
	return abs
}

// values is what is printed: the resources by kind, or a bootstrap.
func (r *renderCommand) values(node *corev3.Node, in translator.Resources) (any, error) {
	if r.static {
		bootstrap, err := translator.Static(in, staticAdmin)
		if err != nil {
			return nil, err
		}
		bootstrap.Node = node
		return plain(bootstrap)
	}
	out := map[string]any{}
	for _, kind := range []struct {
		typ, key  string
		resources []proto.Message
	}{
		{"cds", "clusters", messages(in.Clusters)},
		{"eds", "endpoints", messages(in.Endpoints)},
		{"lds", "listeners", messages(in.Listeners)},
		{"rds", "routes", messages(in.Routes)},
		{"srds", "scoped_routes", messages(in.ScopedRoutes)},
		{"rtds", "runtimes", messages(in.Runtimes)},
		{"sds", "secrets", messages(in.Secrets)},
	} {
		if len(r.types.values) > 0 && !slices.Contains(r.types.values, kind.typ) {
			continue
		}
		values := []any{} // not nil: an empty list says that there are none
		for _, m := range kind.resources {
			v, err := plain(m)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		out[kind.key] = values
	}
	return out, nil
}

func messages[M proto.Message](in []M) []proto.Message {
	out := make([]proto.Message, len(in))
	for i, m := range in {
		out[i] = m
	}
	return out
}

func printValue(w io.Writer, form string, v any) error {
	if form == "json" {
		return printJSON(w, v)
	}
	return printYAML(w, v)
}

// someOf is a flag that takes several of a few words.
type someOf struct {
	values  []string
	choices []string
}

func (s *someOf) String() string { return strings.Join(s.values, ",") }
func (s *someOf) Type() string   { return strings.Join(s.choices, ",") }

// Set adds words, and refuses what is not a choice.
func (s *someOf) Set(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		if !slices.Contains(s.choices, word) {
			return fmt.Errorf("%q is not one of %s", word, strings.Join(s.choices, ", "))
		}
		s.values = append(s.values, word)
	}
	return nil
}
