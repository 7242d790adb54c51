package main

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"

	"dragoman/diag"
	"dragoman/model"
)

// comparedTo warns of the listeners whose connections end when Envoys go from
// what is in a directory to what was loaded.
func (l *loaded) comparedTo(dir string, o loading) error {
	if dir == "" || l.snapshot == nil || l.problems.HasErrors() {
		return nil
	}
	before, err := o.load([]string{dir}, nil)
	if err != nil {
		return fmt.Errorf("--against: %w", err)
	}
	if before.problems.HasErrors() {
		return fmt.Errorf("--against: %s is not valid by itself: %w", dir, before.problems.Errors())
	}
	for _, name := range before.snapshot.Drained(l.snapshot) {
		l.problems = append(l.problems, drains(name, l.config.Listeners[name], before.config.Listeners[name], dir))
	}
	l.problems.Sort()
	return nil
}

// drains is the warning at what a listener becomes, or was if it goes.
func drains(name string, after, before *model.Listener, dir string) diag.Problem {
	at, change := before.Origin, "goes"
	if after != nil {
		at, change = after.Origin, "changes"
	}
	if at.File == "" { // the one that serves where no document says anything
		at = model.Origin{File: path.Clean(filepath.ToSlash(dir)), Line: 1, Col: 1}
	}
	return diag.Problem{
		Severity: diag.Warning, Code: diag.Drains, File: at.File, Line: at.Line, Col: at.Col, Width: cmp.Or(len(name), 1),
		Msg:  fmt.Sprintf("listener %s %s, so that Envoys drain the connections that are open on it", name, change),
		Hint: "choose the moment",
	}
}
