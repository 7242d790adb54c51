package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/spf13/pflag"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
)

// translation adds the flags that say where Envoys find certificate roots, and
// from when on a listener's routes have scopes.
func translation(f *pflag.FlagSet, o *translator.Options) {
	o.ScopedRoutesAbove = new(int)
	f.IntVar(o.ScopedRoutesAbove, "scoped-routes-above", translator.DefaultScopedRoutesAbove,
		"how many `HOSTS` without a wildcard a listener may have in one table of routes (RDS); above it each has a scope (SRDS)")
	f.StringVar(&o.SystemRoots, "system-roots", translator.DefaultSystemRoots, "file on the Envoys' hosts with the roots that https upstreams are checked against")
}

// A loading says how a configuration is read where it is not served.
type loading struct {
	translate translator.Options
	allow     []string // directories of files that documents name
}

func (o *loading) flags(f *pflag.FlagSet) {
	allowPath(f, &o.allow)
	translation(f, &o.translate)
}

// allowPath adds the flag that says where named files may lie.
func allowPath(f *pflag.FlagSet, dirs *[]string) {
	f.StringArrayVar(dirs, "allow-path", nil, "further `DIR` that certificates and the like may lie in; may be given again")
}

// A loaded configuration, as far as it is right.
type loaded struct {
	config   *model.Config      // nil when nothing is right
	snapshot *snapshot.Snapshot // of config
	problems diag.Problems
	files    int
}

// load reads directories, files, and - for standard input as serve does when it
// starts.
func (o *loading) load(paths []string, stdin io.Reader) (loaded, error) {
	var out loaded
	sources, err := readPaths(paths, stdin)
	if err != nil {
		return out, err
	}
	l := loader.New(loader.Options{Check: func(c *model.Config) diag.Problems {
		snap, problems := pipeline.Build(c, o.translate)
		out.snapshot = snap
		return problems
	}})
	l.Take(sources)
	named, err := loader.ReadNamed(l.Named(), append(directories(paths), o.allow...))
	if err != nil {
		return out, err
	}
	res := l.Apply(named)
	out.config, out.problems, out.files = res.Config, res.Problems, res.Files
	return out, nil
}

// directories are where the paths are, or lead to.
func directories(paths []string) []string {
	var out []string
	for _, p := range paths {
		if info, err := os.Stat(p); p != "-" && err == nil && info.IsDir() {
			out = append(out, p)
			continue
		}
		out = append(out, filepath.Dir(p)) // of standard input, the working directory
	}
	return out
}

// seenFrom adds what is to be said to one Envoy, if there is one.
func (l *loaded) seenFrom(node *corev3.Node) {
	if node == nil || l.snapshot == nil || l.problems.HasErrors() {
		return
	}
	l.problems = append(l.problems, shadowed(l.config, l.snapshot.View(node), node)...)
	l.problems.Sort()
}

// summary is a line for people.
func (l loaded) summary() string {
	services := 0
	if l.config != nil {
		services = l.config.Services.Len()
	}
	errs := len(l.problems.Errors())
	return fmt.Sprintf("%s, %s: %s, %s", count(l.files, "file"), count(services, "valid service"), count(errs, "error"), count(len(l.problems)-errs, "warning"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// readPaths reads directories, files, and - for standard input. Names are as
// the user gave them, so that editors and CI can open them.
func readPaths(paths []string, stdin io.Reader) ([]loader.Source, error) {
	var out []loader.Source
	for _, p := range paths {
		found, err := readPath(p, stdin)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if !slices.ContainsFunc(out, func(o loader.Source) bool { return o.Path == s.Path }) {
				out = append(out, s)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no .yaml, .yml or .json file in %s; dragoman init writes a first one", strings.Join(paths, ", "))
	}
	return out, nil
}

func readPath(p string, stdin io.Reader) ([]loader.Source, error) {
	if p == "-" {
		data, err := io.ReadAll(stdin)
		return []loader.Source{{Path: "<stdin>", Data: data}}, err
	}
	info, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return readDir(p)
	}
	data, err := os.ReadFile(p)
	return []loader.Source{{Path: filepath.ToSlash(filepath.Clean(p)), Data: data}}, err
}

func readDir(dir string) ([]loader.Source, error) {
	found, unsettled, err := loader.OpenDir(dir, 0).Look(nil)
	if err != nil {
		return nil, err
	}
	if len(unsettled) > 0 {
		return nil, fmt.Errorf("%s changes while it is read: try again", dir)
	}
	for i := range found {
		found[i].Path = path.Join(filepath.ToSlash(dir), found[i].Path)
		if p := found[i].Problem; p != nil {
			p.File = found[i].Path
		}
	}
	return found, nil
}
