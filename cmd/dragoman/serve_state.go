package main

import (
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dragoman/loader"
	"dragoman/state"
)

// checkState refuses a state directory in which the configuration would be
// looked for, and returns the directories' full names. Under a hidden name it
// may be anywhere: nothing hidden is read.
func checkState(config, path string) (string, string, error) {
	config, err := filepath.Abs(config)
	if err != nil {
		return "", "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	below, err := filepath.Rel(resolved(config), resolved(path))
	if err != nil {
		return "", "", err
	}
	elsewhere := func(name string) bool { return name != "." && strings.HasPrefix(name, ".") } // hidden, or ..
	if !slices.ContainsFunc(strings.Split(filepath.ToSlash(below), "/"), elsewhere) {
		return "", "", fmt.Errorf("--state-dir %s is inside the configuration directory, which is never written to; take another one, or a hidden name such as %s",
			path, filepath.Join(config, ".state"))
	}
	return config, path, nil
}

// resolved follows the links of as much of a path as there is.
func resolved(path string) string {
	if out, err := filepath.EvalSymlinks(path); err == nil || filepath.Dir(path) == path {
		return out
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}

// A keeper keeps what serves.
type keeper = state.Keeper[loader.Content]

// openState reads what served before a restart. What cannot be read is logged
// and left out. Without --state-dir there is no state, and no keeper.
func (s *serveCommand) openState(log *slog.Logger) (*keeper, []loader.Source, error) {
	if s.stateDir == "" {
		return nil, nil, nil
	}
	config, path, err := checkState(s.dir, s.stateDir)
	if err != nil {
		return nil, nil, err
	}
	dir := state.Open[loader.Content](path, config)
	files, err := dir.Read()
	if err != nil {
		log.Error("the state cannot be read as a whole; what is left of it is used", slog.Int("files", len(files)), slog.Any("error", err))
	}
	var out []loader.Source
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, loader.Source{Path: name, Data: files[name], Named: !loader.IsConfig(name)})
	}
	return state.NewKeeper(dir, log), out, nil
}

// keep hands what serves to a keeper.
func keep(k *keeper) func(loader.Contents) {
	if k == nil {
		return nil
	}
	return k.Keep
}

// kept runs a pipeline and the keeper that it hands to, if there is one. The
// keeper ends last, so that the last version is not lost.
func kept(k *keeper, run func() error) error {
	if k == nil {
		return run()
	}
	var g errgroup.Group
	g.Go(k.Run)
	g.Go(func() error {
		defer k.Close()
		return run()
	})
	return g.Wait()
}
