// Package translator turns a model into Envoy v3 resources. It is a pure
// function: the same model gives the same bytes, in whatever order its routes,
// services and endpoints were read. Names come from names, never from places in
// a list.
//
// It reads no files, knows no YAML and no Envoy that is connected, and repairs
// nothing: what Envoy's own constraints refuse becomes a problem that names the
// service, route or listener it came from.
package translator

import (
	"cmp"
	"maps"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"dragoman/diag"
	"dragoman/model"
)

// DefaultSystemRoots is where Debian, Ubuntu, Alpine and Envoy's own images
// keep the certificate authorities.
const DefaultSystemRoots = "/etc/ssl/certs/ca-certificates.crt"

// Options are what a translation depends on beside the model.
type Options struct {
	// SystemRoots is the file of certificate authorities on the Envoys' hosts;
	// empty is /etc/ssl/certs/ca-certificates.crt.
	SystemRoots string
}

// Translate returns the resources of a configuration, each kind sorted by name.
// Resources that come with problems are complete, but not fit to be published.
func Translate(cfg *model.Config, o Options) (Resources, diag.Problems) {
	return New(o).Translate(cfg)
}

// Translate does so with what is remembered of the last configuration.
func (t *Translator) Translate(cfg *model.Config) (Resources, diag.Problems) {
	var found diag.Problems
	roots := cmp.Or(t.options.SystemRoots, DefaultSystemRoots)
	out := Resources{Groups: byName(cfg.Groups), GroupsOf: map[string][]string{}}
	services := slices.Collect(cfg.Services.All())
	now := make(map[*model.Service]*translated, len(services))
	for _, s := range services {
		is := t.service(cfg.Services, s, roots)
		now[s] = is
		found = append(found, is.found...)
		if is.cluster != nil {
			out.Clusters = append(out.Clusters, is.cluster)
		}
		if is.assignment != nil {
			out.Endpoints = append(out.Endpoints, is.assignment)
		}
	}
	t.services = now
	for _, l := range byName(cfg.Listeners) {
		at := scope{origin: l.Origin, what: "listener " + l.Name, found: &found}
		out.Listeners = append(out.Listeners, listener(at, l))
		if len(l.Groups) > 0 {
			out.GroupsOf[l.Name] = l.Groups
		}
		out.Secrets = append(out.Secrets, secrets(at, l.TLS)...)
	}
	out.Secrets = sortedSecrets(out.Secrets)
	for _, r := range byName(cfg.Runtimes) {
		at := scope{origin: r.Origin, what: "runtime " + r.Name, found: &found}
		out.Runtimes = append(out.Runtimes, runtime(at, r))
	}
	out.Routes = routeConfigurations(cfg, services, now, &found)
	for _, s := range services {
		if s.Proxyless {
			at := scope{origin: s.Origin, what: "service " + s.Name, found: &found}
			out.Listeners = append(out.Listeners, apiListener(at, s))
			out.Routes = append(out.Routes, rpcRoutes(s, &found))
		}
	}
	slices.SortFunc(out.Listeners, func(a, b *listenerv3.Listener) int { return cmp.Compare(a.GetName(), b.GetName()) })
	slices.SortFunc(out.Routes, func(a, b *routev3.RouteConfiguration) int { return cmp.Compare(a.GetName(), b.GetName()) })
	found.Sort()
	return out, found
}

// byName returns a map's values in the order of their names.
func byName[V any](in map[string]V) []V {
	out := make([]V, 0, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out = append(out, in[name])
	}
	return out
}
