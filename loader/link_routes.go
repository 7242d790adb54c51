package loader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dragoman/diag"
	"dragoman/model"
)

// A routeKey is what two routes must not share: what they match, and where.
type routeKey struct{ listener, host, match string }

// placed is a route with its document.
type placed struct {
	doc   *document
	route *route
}

// routes finds the routes of a service that match what another matches.
func (k *linker) routes(d *document) {
	for use := range d.usesOf(k.scope.fallback) {
		for i := range d.service.routes {
			r := &d.service.routes[i]
			key := routeKey{use.listener, use.host, r.key}
			if other, twice := k.there(key); twice {
				k.sameRoute(use.host, other, placed{d, r})
				continue
			}
			k.placed[key] = placed{d, r}
		}
	}
}

// there returns the route that matches the same already.
func (k *linker) there(key routeKey) (placed, bool) {
	if p, ok := k.base.routes[key]; ok && !k.set.replaces(p.doc.file) && !k.astray[p.doc] {
		return p, true
	}
	p, ok := k.placed[key]
	return p, ok
}

func (k *linker) sameRoute(host string, a, b placed) {
	stays, goes := a, b
	if first, _ := k.incumbent(a.doc, b.doc); first != a.doc {
		stays, goes = b, a
	}
	what := fmt.Sprintf("two routes of %s match the same requests for host %s", goes.doc.name.text, host)
	if stays.doc != goes.doc {
		what = fmt.Sprintf("the services %s and %s both match the same requests for host %s", stays.doc.name.text, goes.doc.name.text, host)
	}
	k.conflict(goes.doc, goes.route.at, diag.SameRoute, what+": "+inWords(goes.route.match), "make one of them more particular, or take it out").
		with(stays.doc.place(stays.route.at, "the other is here"))
}

// inWords writes a match for a message.
func inWords(m model.Match) string {
	s := map[model.PathKind]string{model.PathExact: "path ", model.PathPrefix: "prefix ", model.PathRegex: "regex "}[m.Path.Kind] + m.Path.Value
	if n := m.Conditions(); n > 0 {
		s += fmt.Sprintf(" with %d more conditions", n)
	}
	return s
}

// hostUse is one host on one listener.
type hostUse struct{ listener, host string }

func (u hostUse) wildcard() bool { return strings.HasPrefix(u.host, "*") }

// warnings finds hosts that hide a broader one. Envoy chooses the virtual
// host first and does not try another when no route of it matches.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost
func (k *linker) warnings() diag.Problems {
	out := k.unused()
	broad := len(k.base.broad) > 0
	for use := range k.uses {
		broad = broad || use.wildcard()
	}
	if !broad {
		return out
	}
	uses := maps.Clone(k.base.narrow)
	for use := range k.uses {
		uses[use] = true
	}
	for use := range uses {
		docs := k.on(use)
		if len(docs) == 0 || everyPath(docs) {
			continue
		}
		if broad, ok := k.broader(use); ok {
			out = append(out, noFallThrough(docs[0].at(use), broad))
		}
	}
	return out
}

// on returns the services on a host, in the order of their names.
func (k *linker) on(use hostUse) []*document {
	var out []*document
	for _, d := range k.base.uses[use] {
		if !k.set.replaces(d.file) {
			out = append(out, d)
		}
	}
	for _, d := range k.uses[use] {
		out = insert(out, d)
	}
	return out
}

// placedHost is a host with its document.
type placedHost struct {
	doc  *document
	host name
}

// at returns a host of a service with its place.
func (d *document) at(use hostUse) placedHost {
	i := slices.IndexFunc(d.service.hosts, func(h name) bool { return h.text == use.host })
	return placedHost{d, d.service.hosts[i]}
}

// broader finds the host that would have been asked without this one.
func (k *linker) broader(use hostUse) (placedHost, bool) {
	rest := strings.TrimPrefix(use.host, "*.")
	var wild []string
	for {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		wild = append(wild, "*."+parent)
		rest = parent
	}
	if use.host != "*" {
		wild = append(wild, "*")
	}
	for _, host := range wild {
		broad := hostUse{use.listener, host}
		if docs := k.on(broad); len(docs) > 0 {
			return docs[0].at(broad), true
		}
	}
	return placedHost{}, false
}

func noFallThrough(p, broad placedHost) diag.Problem {
	w := p.doc.file.at(p.host.at, diag.NoFallThrough,
		fmt.Sprintf("what no route of %s takes is answered with 404; it does not fall through to %s of service %s", p.host.text, broad.host.text, broad.doc.name.text),
		"add a route with prefix: / here if that is not what you mean")
	w.Severity = diag.Warning
	w.Related = []diag.Place{broad.doc.place(broad.host.at, "the broader host is here")}
	return w
}
