package loader

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/parallel"
	"dragoman/table"
)

// A linker checks what spans documents. It looks at the documents of the files
// that are named in a set, and at those of other files where these have to do
// with them: between the others there is no conflict.
type linker struct {
	*Loader
	set       contents
	base      *index // the documents of the files that are not named, and what was in those that are
	alone     bool   // there are none in it
	scope     scope
	groups    lookup
	runtimes  lookup
	proxied   lookup                  // services that are proxyless
	fresh     []*document             // the services of the named files, and of others that send to what has changed
	users     map[string][]*document  // of the named files
	uses      map[hostUse][]*document // of the named files
	placed    map[routeKey]placed     // of the named files
	astray    map[*document]bool      // services that send to what is not there
	conflicts []conflict

	// Names that are not there; nil until somebody asks.
	away    map[ref]diag.Place // defined in a file that is held back
	removed map[ref]string     // taken away by the change of this file
}

// A lookup is the documents of one kind, by name.
type lookup struct {
	base map[string]*document
	own  map[string]*document // in their place; nil for one that is gone
}

func (u lookup) get(name string) *document {
	if d, ok := u.own[name]; ok {
		return d
	}
	return u.base[name]
}

// all yields the documents in the order of their names.
func (u lookup) all() iter.Seq[*document] {
	return func(yield func(*document) bool) {
		for _, name := range u.names() {
			if !yield(u.get(name)) {
				return
			}
		}
	}
}

// names are sorted.
func (u lookup) names() []string {
	var out []string
	for name := range u.base {
		if _, ok := u.own[name]; !ok {
			out = append(out, name)
		}
	}
	for name, d := range u.own {
		if d != nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// empty says that there are none.
func (u lookup) empty() bool {
	for _, d := range u.own {
		if d != nil {
			return false
		}
	}
	for name := range u.base {
		if _, ok := u.own[name]; !ok {
			return false
		}
	}
	return true
}

// The listener that serves when no document describes one.
const (
	implicitListener = "http"
	implicitPort     = 10000
)

// link finds all conflicts between the documents of a set.
func (l *Loader) link(set contents) *linker {
	base := l.index
	if base == nil {
		base = newIndex()
	}
	k, paths := l.linker(set, base), set.paths()
	for _, path := range paths {
		for d := range k.replaced(path) {
			k.table(d.kind).own[d.name.text] = nil
			k.proxied.own[d.name.text] = nil
		}
	}
	for _, path := range paths {
		for d := range set.of(path).documents() {
			k.define(d)
		}
	}
	k.groupNames()
	for d := range k.scope.listeners.all() {
		k.certificates(d)
	}
	k.ports()
	k.defaultListener()
	if l.index != nil && k.listenersMoved() {
		return l.linkAll(set)
	}
	k.services()
	return k
}

// linkAll looks at all documents anew.
func (l *Loader) linkAll(set contents) *linker {
	index := l.index
	l.index = nil
	defer func() { l.index = index }()
	return l.link(set.whole())
}

func (l *Loader) linker(set contents, base *index) *linker {
	over := func(kind string) lookup { return lookup{base.docs[kind], map[string]*document{}} }
	files := len(set.other) // nearly always of a service each, with a host and a route or more
	return &linker{
		Loader:   l,
		set:      set,
		base:     base,
		alone:    base.empty(),
		scope:    scope{services: lookup{base.docs["service"], make(map[string]*document, files)}, listeners: over("listener")},
		groups:   over("group"),
		runtimes: over("runtime"),
		proxied:  over(proxyless),
		users:    map[string][]*document{},
		uses:     make(map[hostUse][]*document, files),
		placed:   make(map[routeKey]placed, files),
		astray:   map[*document]bool{},
	}
}

// replaced yields the documents of the base that are not there any more.
func (k *linker) replaced(path string) iter.Seq[*document] {
	if k.alone {
		return func(func(*document) bool) {}
	}
	return k.files[path].good.documents()
}

// listenersMoved says that services may be on other listeners than they were.
func (k *linker) listenersMoved() bool {
	for name, d := range k.scope.listeners.own {
		if (d == nil) != (k.base.docs["listener"][name] == nil) {
			return true
		}
	}
	return k.scope.fallback != k.base.fallback
}

// services looks at the services that are new, and at those that send to what
// has changed: what has not, first.
func (k *linker) services() {
	k.fresh = make([]*document, 0, len(k.scope.services.own))
	for name, d := range k.scope.services.own {
		if d != nil {
			k.fresh = append(k.fresh, d)
			if d.service.proxyless != nil {
				k.proxied.own[name] = d
			}
			for target := range d.sendsTo() {
				k.users[target] = append(k.users[target], d)
			}
			for use := range d.usesOf(k.scope.fallback) {
				k.uses[use] = insert(k.uses[use], d)
			}
		}
	}
	also := map[*document]bool{}
	for name := range k.scope.services.own {
		for _, d := range k.base.users[name] {
			if !k.set.replaces(d.file) && !also[d] {
				also[d] = true
				k.fresh = append(k.fresh, d)
			}
		}
	}
	slices.SortFunc(k.fresh, byName)
	k.fresh = lastly(k.fresh, func(d *document) bool { return k.isChanged(d.file) })
	k.apiListeners()
	for _, d := range k.fresh {
		if !k.references(d) {
			k.astray[d] = true
			continue
		}
		k.proxylessTargets(d)
		if k.set.replaces(d.file) {
			k.routes(d)
		}
	}
}

// table holds the documents of a kind by name.
func (k *linker) table(kind string) lookup {
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
	other := table.get(d.name.text)
	if other == nil {
		table.own[d.name.text] = d
		return
	}
	stays, goes := k.incumbent(other, d)
	if stays == d {
		table.own[d.name.text] = d
	}
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
func (k *linker) conflict(d *document, at spot, code diag.Code, msg, hint string) *conflict {
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

func (d *document) place(m spot, msg string) diag.Place { return d.file.place(m, msg) }

// config makes the model of a set without conflicts.
func (k *linker) config() *model.Config {
	c := &model.Config{
		Listeners: map[string]*model.Listener{},
		Groups:    map[string]*model.Group{},
		Runtimes:  map[string]*model.Runtime{},
	}
	if k.last != nil && k.index != nil && k.base == k.index {
		c.Services = k.last.Services
	}
	c.Services = c.Services.With(k.changes(c.Services)...)
	if k.scope.listeners.empty() && k.exposes() {
		c.Listeners[implicitListener] = k.implicit()
	}
	for d := range k.scope.listeners.all() {
		c.Listeners[d.name.text] = k.listener(d)
	}
	for d := range k.groups.all() {
		c.Groups[d.name.text] = d.group
	}
	for d := range k.runtimes.all() {
		c.Runtimes[d.name.text] = &model.Runtime{Name: d.name.text, Origin: d.origin(), Values: d.runtime}
	}
	return c
}

// implicit is the listener that no document describes, always the same one.
func (k *linker) implicit() *model.Listener {
	if k.last != nil {
		if l := k.last.Listeners[implicitListener]; l != nil && l.Origin.File == "" {
			return l
		}
	}
	return &model.Listener{Name: implicitListener, Address: "0.0.0.0", Port: implicitPort}
}

// listener makes the model of a listener, the one that serves if it is the same.
func (k *linker) listener(d *document) *model.Listener {
	if k.last != nil && k.base == k.index && k.base.docs["listener"][d.name.text] == d && !k.renewed() {
		return k.last.Listeners[d.name.text]
	}
	return d.listener.withCertificates(k.materials)
}

// changes are the services that are not as they are in a table.
func (k *linker) changes(now model.Services) []table.Change[*model.Service] {
	var out []table.Change[*model.Service]
	for name, d := range k.scope.services.own {
		if old := now.Get(name); d == nil && old != nil {
			out = append(out, table.Change[*model.Service]{Old: old})
		}
	}
	made := make([]*model.Service, len(k.fresh))
	parallel.Each(len(made), func(i int) { made[i] = k.scope.model(k.fresh[i]) })
	for _, s := range made {
		if old := now.Get(s.Name); s != old {
			out = append(out, table.Change[*model.Service]{Old: old, New: s})
		}
	}
	slices.SortFunc(out, func(a, b table.Change[*model.Service]) int { return strings.Compare(a.Key(), b.Key()) })
	return out
}

// exposes says that some service has hosts.
func (k *linker) exposes() bool {
	n := k.base.exposed
	for path := range k.set.other {
		for d := range k.replaced(path) {
			if d.kind == "service" && !d.service.backend() {
				n--
			}
		}
	}
	return n > 0 || slices.ContainsFunc(k.fresh, func(d *document) bool { return !d.service.backend() })
}

// listed joins words for a message: a, b and c.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
