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
	"maps"
	"slices"

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
	// ScopedRoutesAbove is how many hosts without a wildcard a listener may have
	// in one table, unless it says itself; nil is DefaultScopedRoutesAbove.
	ScopedRoutesAbove *int
}

// Translate returns the resources of a configuration, each kind sorted by name.
// Resources that come with problems are complete, but not fit to be published.
func Translate(cfg *model.Config, o Options) (Resources, diag.Problems) {
	t, problems := New(o).Translate(cfg)
	return t.Resources(), problems
}

// byName returns a map's values in the order of their names.
func byName[V any](in map[string]V) []V {
	out := make([]V, 0, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out = append(out, in[name])
	}
	return out
}
