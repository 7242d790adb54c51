package loader

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"dragoman/diag"
)

// groupNames checks that the groups that listeners name are there.
func (k *linker) groupNames() {
	for d := range k.scope.listeners.all() {
		for _, g := range d.listener.groups {
			if k.groups.get(g.text) == nil {
				k.dangling(d, "group", g, k.groups.names())
			}
		}
	}
}

// ports finds listeners that would bind to one address and port in one Envoy.
// Two that are for different groups may: whether some Envoy is in both is known
// when it comes.
func (k *linker) ports() {
	seen := map[netip.AddrPort][]*document{}
	for d := range k.scope.listeners.all() {
		at := netip.AddrPortFrom(netip.MustParseAddr(d.listener.model.Address), uint16(d.listener.model.Port))
		stay := []*document{}
		for _, other := range seen[at] {
			if d == nil || !meet(d, other) {
				stay = append(stay, other)
				continue
			}
			stays, goes := k.incumbent(other, d)
			k.samePort(stays, goes, at)
			if stays == other {
				d = nil
				stay = append(stay, other)
			}
		}
		if d != nil {
			stay = append(stay, d)
		}
		seen[at] = stay
	}
}

func (k *linker) samePort(stays, goes *document, at netip.AddrPort) {
	both := ""
	switch one, other := stays.listener.model, goes.listener.model; {
	case len(one.Groups)+len(other.Groups) == 0:
	case len(one.Groups) == 0:
		both = ", and " + one.Name + " is for every Envoy"
	case len(other.Groups) == 0:
		both = ", and " + other.Name + " is for every Envoy"
	default:
		both = ", and both are for " + listed(common(stays, goes))
	}
	k.conflict(goes, goes.name.at, diag.SamePort,
		fmt.Sprintf("the listeners %s and %s have one address and port, %s%s", stays.name.text, goes.name.text, at, both), "give it another port").
		with(stays.place(stays.name.at, "the other is here"))
}

// meet says that two listeners are sure to be in one Envoy.
func meet(a, b *document) bool {
	return len(a.listener.groups) == 0 || len(b.listener.groups) == 0 || len(common(a, b)) > 0
}

// common are the groups that two listeners share.
func common(a, b *document) []string {
	return slices.DeleteFunc(slices.Clone(a.listener.model.Groups), func(g string) bool {
		return !slices.Contains(b.listener.model.Groups, g)
	})
}

// unused warns of services that are there for others to send to, and that none
// sends to: an Envoy gets just what its routes need. While something is held
// back nobody knows what that would need.
func (k *linker) unused() diag.Problems {
	if k.holdsBack() {
		return nil
	}
	var out diag.Problems
	for name := range k.perhapsIdle() {
		d := k.scope.services.get(name)
		if d == nil || !d.isForOthers() || k.isUsed(name) {
			continue
		}
		w := d.file.at(d.name.at, diag.Unused,
			fmt.Sprintf("no route leads to %s, so that no Envoy gets it", name), "give it hosts, or send to it from a route of another service")
		w.Severity = diag.Warning
		out = append(out, w)
	}
	return out
}

// holdsBack says that the newest content of some file is not what is to serve.
func (k *linker) holdsBack() bool {
	for path := range k.differ {
		if k.files[path].newest != k.set.of(path) {
			return true
		}
	}
	for path, f := range k.set.other {
		if k.files[path].newest != f {
			return true
		}
	}
	return false
}

// perhapsIdle are the services that none sends to, or that some file which has
// changed is about.
func (k *linker) perhapsIdle() map[string]bool {
	out := maps.Clone(k.base.idle)
	for name, d := range k.scope.services.own {
		if d != nil && d.isForOthers() {
			out[name] = true
		}
	}
	for path := range k.set.other {
		for d := range k.replaced(path) {
			if d.kind == "service" {
				maps.Copy(out, d.sendsTo())
			}
		}
	}
	return out
}

// isUsed says that some service sends to one.
func (k *linker) isUsed(name string) bool {
	return len(k.users[name]) > 0 ||
		slices.ContainsFunc(k.base.users[name], func(d *document) bool { return !k.set.replaces(d.file) })
}
