package loader

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dragoman/diag"
)

// references checks that what a service names is there, and says whether all
// of it is.
func (k *linker) references(d *document) bool {
	before := len(k.conflicts)
	for _, l := range d.service.listeners {
		if k.scope.listeners.get(l.text) == nil {
			k.dangling(d, "listener", l, k.scope.listeners.names())
		}
	}
	if !d.service.backend() && len(d.service.listeners) == 0 && k.scope.fallback == "" {
		k.noListener(d)
	}
	for i := range d.service.routes {
		for _, t := range d.service.routes[i].to {
			other := k.scope.services.get(t.service.text)
			switch {
			case other == nil:
				k.dangling(d, "service", t.service, k.scope.services.names())
			case other.service.upstream == nil:
				k.bare(d, t.service, other)
			}
		}
	}
	return len(k.conflicts) == before
}

// dangling reports a reference to nothing: a name that a held file defines,
// one that a change has just removed, or one that never was.
func (k *linker) dangling(d *document, kind string, n name, known []string) {
	k.findAway()
	if place, ok := k.away[ref{kind, n.text}]; ok {
		k.conflict(d, n.at, diag.HeldBack,
			fmt.Sprintf("the %s %s is defined in a file that is held back", kind, n.text), "mend that file first").
			with(place)
		return
	}
	if culprit, ok := k.removed[ref{kind, n.text}]; ok {
		k.conflict(d, n.at, diag.StillUsed,
			fmt.Sprintf("the %s %s was taken away and is still used here; it goes on serving", kind, n.text), "change this first").
			blamed([]string{culprit})
		return
	}
	k.conflict(d, n.at, diag.UnknownName, fmt.Sprintf("there is no %s named %q", kind, n.text), k.suggestion(n.text, known))
}

// maxSuggestions bounds the search for similar names: with thousands of names
// and as many mistakes it would take minutes.
const maxSuggestions = 100

func (k *linker) suggestion(word string, known []string) string {
	if len(k.conflicts) < maxSuggestions {
		if near, ok := diag.Nearest(word, known); ok {
			return fmt.Sprintf("did you mean %q?", near)
		}
	}
	return fmt.Sprintf("define it, or use %s", among(known))
}

// findAway notes the names that are not there but might be: those that held
// files define, and those that a change has taken away.
func (k *linker) findAway() {
	if k.away != nil {
		return
	}
	k.away, k.removed = map[ref]diag.Place{}, map[ref]string{}
	for _, path := range k.notable() {
		v, active := k.files[path], k.set.of(path)
		if v.newest != nil && v.newest != active {
			for _, def := range v.newest.defines {
				k.away[def.ref] = v.newest.place(def.at, "defined here")
			}
		}
		if v.good != nil && v.good != active {
			for _, def := range v.good.defines {
				k.removed[def.ref] = path
			}
		}
	}
}

// notable are the files whose newest content is not what is to serve, and those
// of which that is not what serves, sorted.
func (k *linker) notable() []string {
	paths := slices.AppendSeq(slices.Collect(maps.Keys(k.differ)), maps.Keys(k.set.other))
	slices.Sort(paths)
	return slices.Compact(paths)
}

// among names a few of what there is.
func among(known []string) string {
	slices.Sort(known)
	switch {
	case len(known) == 0:
		return "nothing: there is none yet"
	case len(known) > 5:
		return "one of the " + fmt.Sprint(len(known)) + " that there are"
	}
	return strings.ReplaceAll(listed(known), " and ", " or ")
}

// bare reports a route to a service that has no upstream to send to.
func (k *linker) bare(d *document, n name, other *document) {
	c := k.conflict(d, n.at, diag.NoUpstream,
		fmt.Sprintf("the service %s has no upstream to send requests to", n.text), "give it one").
		with(other.place(other.name.at, "it is defined here"))
	if !k.isChanged(d.file) {
		c.blamed([]string{other.file.path})
	}
}

// defaultListener finds the listener of services that name none.
func (k *linker) defaultListener() {
	names := k.scope.listeners.names()
	switch {
	case len(names) == 0 && !k.listenerHeld():
		k.scope.fallback = implicitListener
	case len(names) == 1:
		k.scope.fallback = names[0]
	}
	var first *document
	for _, n := range names {
		d := k.scope.listeners.get(n)
		if !d.listener.isDefault {
			continue
		}
		if first != nil {
			stays, goes := k.incumbent(first, d)
			k.conflict(goes, goes.name.at, diag.WhichListener,
				fmt.Sprintf("the listeners %s and %s are both the default", stays.name.text, goes.name.text), "mark one of them").
				with(stays.place(stays.name.at, "the other is here"))
			d = stays
		}
		first = d
		k.scope.fallback = d.name.text
	}
}

// mentionsListener tells that a text has a listener document, however broken.
var mentionsListener = regexp.MustCompile(`^["']?listener["']?\s*:`)

// listenerHeld says that a listener may be described in a file that cannot be
// used. Then port 10000 would be a guess, and a wrong one.
func (k *linker) listenerHeld() bool {
	for path := range k.differ {
		f := k.files[path].newest
		if f != nil && f != k.set.of(path) && slices.ContainsFunc(f.lines(), mentionsListener.MatchString) {
			return true
		}
	}
	return false
}

// noListener reports a service that does not say which of several listeners
// it is for. When that was clear before, a change of the listeners is to blame.
func (k *linker) noListener(d *document) {
	names := k.scope.listeners.names()
	if len(names) == 0 {
		k.conflict(d, d.name.at, diag.HeldBack,
			fmt.Sprintf("%s has no listener: the file that describes one is held back", d.name.text), "mend that file first")
		return
	}
	c := k.conflict(d, d.name.at, diag.WhichListener,
		fmt.Sprintf("there are the listeners %s, and %s does not say which", listed(names), d.name.text),
		"write listeners: [NAME], or default: true on one of them")
	for _, n := range names {
		l := k.scope.listeners.get(n)
		c.with(l.place(l.name.at, "one is here"))
	}
	if changed := k.changedListeners(); k.fallback != "" && len(changed) > 0 {
		c.blamed(changed)
	}
}

// changedListeners returns the changed files that have, or had, a listener.
func (k *linker) changedListeners() []string {
	return slices.DeleteFunc(k.set.changed(), func(path string) bool {
		return !hasListener(k.set.of(path)) && !hasListener(k.files[path].good)
	})
}

func hasListener(f *file) bool {
	return f != nil && slices.ContainsFunc(f.docs, func(d *document) bool { return d.kind == "listener" })
}
