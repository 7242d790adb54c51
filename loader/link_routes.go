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
func (k *linker) routes(d *document, seen map[routeKey]placed) {
	for _, listener := range k.scope.listenersOf(d.service) {
		for _, host := range d.service.hosts {
			for i := range d.service.routes {
				r := &d.service.routes[i]
				key := routeKey{listener, host.text, r.key}
				if other, twice := seen[key]; twice {
					k.sameRoute(host.text, other, placed{d, r})
					continue
				}
				seen[key] = placed{d, r}
			}
		}
	}
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

// warnings finds hosts that hide a broader one. Envoy chooses the virtual
// host first and does not try another when no route of it matches.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost
func (k *linker) warnings() diag.Problems {
	match := everything()
	everyPath := match.Key()
	whole := map[hostUse]bool{} // some route takes every path
	first := map[hostUse]placedHost{}
	for _, service := range slices.Sorted(maps.Keys(k.scope.services)) {
		d := k.scope.services[service]
		if d.service.backend() {
			continue
		}
		all := slices.ContainsFunc(d.service.routes, func(r route) bool { return r.key == everyPath })
		for _, l := range k.scope.listenersOf(d.service) {
			for _, h := range d.service.hosts {
				use := hostUse{l, h.text}
				whole[use] = whole[use] || all
				if _, ok := first[use]; !ok {
					first[use] = placedHost{d, h}
				}
			}
		}
	}
	out := k.unused()
	for use, p := range first {
		if whole[use] {
			continue
		}
		if broad, ok := broader(use, first); ok {
			out = append(out, noFallThrough(p, broad))
		}
	}
	return out
}

// placedHost is a host with its document.
type placedHost struct {
	doc  *document
	host name
}

// broader finds the host that would have been asked without this one.
func broader(use hostUse, hosts map[hostUse]placedHost) (placedHost, bool) {
	rest := strings.TrimPrefix(use.host, "*.")
	for {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		if p, found := hosts[hostUse{use.listener, "*." + parent}]; found {
			return p, true
		}
		rest = parent
	}
	p, found := hosts[hostUse{use.listener, "*"}]
	return p, found && use.host != "*"
}

func noFallThrough(p, broad placedHost) diag.Problem {
	w := p.doc.file.at(p.host.at, diag.NoFallThrough,
		fmt.Sprintf("what no route of %s takes is answered with 404; it does not fall through to %s of service %s", p.host.text, broad.host.text, broad.doc.name.text),
		"add a route with prefix: / here if that is not what you mean")
	w.Severity = diag.Warning
	w.Related = []diag.Place{broad.doc.place(broad.host.at, "the broader host is here")}
	return w
}
