package loader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/table"
)

// A linker checks what spans documents: one pass over a set of contents.
type linker struct {
	*Loader
	active    map[string]*file
	scope     scope
	groups    map[string]*document
	runtimes  map[string]*document
	conflicts []conflict

	// Names that are not there; nil until somebody asks.
	away    map[ref]diag.Place // defined in a file that is held back
	removed map[ref]string     // taken away by the change of this file
}

// The listener that serves when no document describes one.
const (
	implicitListener = "http"
	implicitPort     = 10000
)

// link finds all conflicts between the documents of a set.
func (l *Loader) link(active map[string]*file) *linker {
	k := &linker{Loader: l, active: active, groups: map[string]*document{}, runtimes: map[string]*document{}}
	k.scope.services = make(map[string]*document, len(active))
	k.scope.listeners = map[string]*document{}
	for d := range k.documents() {
		k.define(d)
	}
	k.groupNames()
	for _, name := range slices.Sorted(maps.Keys(k.scope.listeners)) {
		k.certificates(k.scope.listeners[name])
	}
	k.ports()
	k.defaultListener()
	k.apiListeners()
	routes := make(map[routeKey]placed, len(k.scope.services))
	for _, name := range slices.Sorted(maps.Keys(k.scope.services)) {
		d := k.scope.services[name]
		if k.references(d) {
			k.proxylessTargets(d)
			k.routes(d, routes)
		}
	}
	return k
}

// documents yields the documents in the order of their files' names.
func (k *linker) documents() func(func(*document) bool) {
	return func(yield func(*document) bool) {
		for _, path := range k.order {
			for d := range k.active[path].documents() {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// table holds the documents of a kind by name.
func (k *linker) table(kind string) map[string]*document {
	switch kind {
	case "service":
		return k.scope.services
	case "listener":
		return k.scope.listeners
	case "group":
		return k.groups
	case "runtime":
		return k.runtimes
	}
	panic("no such kind: " + kind)
}

// define enters a document under its name.
func (k *linker) define(d *document) {
	table := k.table(d.kind)
	other := table[d.name.text]
	if other == nil {
		table[d.name.text] = d
		return
	}
	stays, goes := k.incumbent(other, d)
	table[d.name.text] = stays
	k.conflict(goes, goes.name.at, diag.DuplicateName,
		fmt.Sprintf("there is a %s named %s already", d.kind, d.name.text), "give it another name").
		with(stays.place(stays.name.at, "the other is here"))
}

// incumbent tells which of two documents in conflict was there first. Of two
// that are both new it is the one whose file comes first.
func (k *linker) incumbent(a, b *document) (stays, goes *document) {
	if k.isChanged(a.file) && !k.isChanged(b.file) {
		return b, a
	}
	return a, b
}

func (k *linker) isChanged(f *file) bool { return k.files[f.path].good != f }

// conflict adds a problem that is blamed on a document's file.
func (k *linker) conflict(d *document, at *yaml.Node, code diag.Code, msg, hint string) *conflict {
	k.conflicts = append(k.conflicts, conflict{d.file.at(at, code, msg, hint), []string{d.file.path}})
	return &k.conflicts[len(k.conflicts)-1]
}

func (c *conflict) with(places ...diag.Place) *conflict {
	c.problem.Related = append(c.problem.Related, places...)
	return c
}

// blamed holds back other files than the one that the problem stands in.
func (c *conflict) blamed(paths []string) {
	for _, p := range paths {
		if p != c.problem.File {
			c.with(diag.Place{File: p, Line: 1, Col: 1, Msg: "the change of this file is held back"})
		}
	}
	c.blame = paths
}

func (d *document) place(n *yaml.Node, msg string) diag.Place {
	return diag.Place{File: d.file.path, Line: n.Line, Col: n.Column, Msg: msg}
}

// config makes the model of a set without conflicts.
func (k *linker) config() *model.Config {
	c := &model.Config{
		Listeners: make(map[string]*model.Listener, len(k.scope.listeners)),
		Groups:    make(map[string]*model.Group, len(k.groups)),
		Runtimes:  make(map[string]*model.Runtime, len(k.runtimes)),
	}
	services := make([]*model.Service, 0, len(k.scope.services))
	for _, d := range k.scope.services {
		s := k.scope.model(d)
		services = append(services, s)
		if len(k.scope.listeners) == 0 && len(s.Listeners) > 0 {
			c.Listeners[implicitListener] = &model.Listener{Name: implicitListener, Address: "0.0.0.0", Port: implicitPort}
		}
	}
	c.Services = table.Of(services...)
	for name, d := range k.scope.listeners {
		c.Listeners[name] = d.listener.withCertificates(k.materials)
	}
	for name, d := range k.groups {
		c.Groups[name] = d.group
	}
	for name, d := range k.runtimes {
		c.Runtimes[name] = &model.Runtime{Name: name, Origin: d.origin(), Values: d.runtime}
	}
	return c
}

// listed joins words for a message: a, b and c.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
