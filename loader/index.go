package loader

import (
	"slices"
	"strings"
)

// An index is the documents that serve, by what others may have in common with
// them: the check of a few files looks here instead of at all of them. Between
// these documents there is no conflict.
type index struct {
	docs     map[string]map[string]*document // by kind and name
	users    map[string][]*document          // the services that send to one, by its name
	routes   map[routeKey]placed
	uses     map[hostUse][]*document // in the order of their names
	narrow   map[hostUse]bool        // uses with paths that no route takes
	broad    map[hostUse]bool        // uses of hosts with a wildcard
	idle     map[string]bool         // services that are for others to send to, which none does
	exposed  int                     // services with hosts
	fallback string
}

func newIndex() *index {
	x := &index{
		docs:   map[string]map[string]*document{},
		users:  map[string][]*document{},
		routes: map[routeKey]placed{},
		uses:   map[hostUse][]*document{},
		narrow: map[hostUse]bool{},
		broad:  map[hostUse]bool{},
		idle:   map[string]bool{},
	}
	for _, kind := range []string{"service", "listener", "group", "runtime", proxyless} {
		x.docs[kind] = map[string]*document{}
	}
	return x
}

// proxyless is a kind of its own in an index: services that are it are services
// as well.
const proxyless = "proxyless"

// take takes over what was linked without conflict.
func (x *index) take(k *linker) {
	x.fallback = k.scope.fallback
	if k.alone {
		x.begin(k)
		return
	}
	touched := map[hostUse]bool{}
	names := map[string]bool{}
	for path := range k.set.other {
		for d := range k.replaced(path) {
			x.remove(d, touched, names)
		}
	}
	for path := range k.set.other {
		for d := range k.set.of(path).documents() {
			x.add(d, touched, names)
		}
	}
	for use := range touched {
		x.judge(use)
	}
	for name := range names {
		x.ask(name)
	}
}

// empty says that no document serves.
func (x *index) empty() bool {
	for _, docs := range x.docs {
		if len(docs) > 0 {
			return false
		}
	}
	return true
}

// begin takes over what was linked beside nothing: the tables that the linker
// has made hold all that there is, and nobody else has them.
func (x *index) begin(k *linker) {
	for _, kind := range []string{"service", "listener", "group", "runtime"} {
		x.docs[kind] = k.table(kind).own
	}
	x.docs[proxyless] = k.proxied.own
	x.users, x.uses, x.routes = k.users, k.uses, k.placed
	for use := range x.uses {
		x.judge(use)
	}
	for name, d := range x.docs["service"] {
		if !d.service.backend() {
			x.exposed++
		}
		x.ask(name)
	}
}

// judge notes what kind of use one is.
func (x *index) judge(use hostUse) {
	used := len(x.uses[use]) > 0
	mark(x.narrow, use, used && !everyPath(x.uses[use]))
	mark(x.broad, use, used && use.wildcard())
}

// ask notes whether a service is for others of which none sends to it.
func (x *index) ask(name string) {
	d := x.docs["service"][name]
	mark(x.idle, name, d != nil && d.isForOthers() && len(x.users[name]) == 0)
}

func (x *index) add(d *document, touched map[hostUse]bool, names map[string]bool) {
	x.docs[d.kind][d.name.text] = d
	if d.kind != "service" {
		return
	}
	names[d.name.text] = true
	if d.service.proxyless != nil {
		x.docs[proxyless][d.name.text] = d
	}
	if !d.service.backend() {
		x.exposed++
	}
	for name := range d.sendsTo() {
		names[name] = true
		x.users[name] = append(x.users[name], d)
	}
	for use := range d.usesOf(x.fallback) {
		touched[use] = true
		x.uses[use] = insert(x.uses[use], d)
		for i := range d.service.routes {
			r := &d.service.routes[i]
			x.routes[routeKey{use.listener, use.host, r.key}] = placed{d, r}
		}
	}
}

// remove undoes add.
func (x *index) remove(d *document, touched map[hostUse]bool, names map[string]bool) {
	delete(x.docs[d.kind], d.name.text)
	if d.kind != "service" {
		return
	}
	names[d.name.text] = true
	delete(x.docs[proxyless], d.name.text)
	if !d.service.backend() {
		x.exposed--
	}
	for name := range d.sendsTo() {
		names[name] = true
		if x.users[name] = without(x.users[name], d); len(x.users[name]) == 0 {
			delete(x.users, name)
		}
	}
	for use := range d.usesOf(x.fallback) {
		touched[use] = true
		if x.uses[use] = without(x.uses[use], d); len(x.uses[use]) == 0 {
			delete(x.uses, use)
		}
		for i := range d.service.routes {
			delete(x.routes, routeKey{use.listener, use.host, d.service.routes[i].key})
		}
	}
}

// sendsTo yields the names of the services that routes send to, each once.
func (d *document) sendsTo() map[string]bool {
	var out map[string]bool // most send to themselves alone
	for i := range d.service.routes {
		for _, t := range d.service.routes[i].to {
			if out == nil {
				out = map[string]bool{}
			}
			out[t.service.text] = true
		}
	}
	return out
}

// usesOf yields each host on each listener of a service, and the node of the
// host.
func (d *document) usesOf(fallback string) func(func(hostUse, name) bool) {
	return func(yield func(hostUse, name) bool) {
		if d.service.backend() {
			return
		}
		for _, l := range d.service.listenersOr(fallback) {
			for _, h := range d.service.hosts {
				if !yield(hostUse{l, h.text}, h) {
					return
				}
			}
		}
	}
}

// isForOthers says that a service gets no requests but by the routes of others.
func (d *document) isForOthers() bool { return d.service.backend() && d.service.proxyless == nil }

// everyPath says that some route of services takes every path.
func everyPath(docs []*document) bool {
	return slices.ContainsFunc(docs, func(d *document) bool {
		for i := range d.service.routes {
			if m := &d.service.routes[i].match; m.Path == everything().Path && m.Conditions() == 0 {
				return true
			}
		}
		return false
	})
}

func byName(a, b *document) int { return strings.Compare(a.name.text, b.name.text) }

func insert(docs []*document, d *document) []*document {
	i, _ := slices.BinarySearchFunc(docs, d, byName)
	return slices.Insert(docs, i, d)
}

func without(docs []*document, d *document) []*document {
	if i := slices.Index(docs, d); i >= 0 {
		return slices.Delete(docs, i, i+1)
	}
	return docs
}
