package translator

import (
	"cmp"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"dragoman/model"
)

// An entry is a translated route with what decides its place.
type entry struct {
	priority   int
	path       model.PathMatch
	conditions int
	service    string
	key        string
	route      *routev3.Route
}

func newEntry(service string, r *model.Route, translated *routev3.Route) entry {
	return entry{
		priority:   r.Priority,
		path:       r.Match.Path,
		conditions: r.Match.Conditions(),
		service:    service,
		key:        r.Match.Key(),
		route:      translated,
	}
}

// sortByPrecedence puts the routes of one virtual host in the order in which
// Envoy tries them; it takes the first that matches.
//
// Higher priority comes first. Then an exact path before a prefix before a
// regular expression, and within prefixes and expressions the longer before the
// shorter. Of routes for one path the one that asks for more of methods,
// headers and query comes first, so that its special case is not swallowed.
// What is left is decided by the service's name, and then by the match itself,
// which no two routes of a host share: order in files decides nothing.
func sortByPrecedence(entries []entry) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(
			cmp.Compare(b.priority, a.priority),
			cmp.Compare(specificity(a.path.Kind), specificity(b.path.Kind)),
			cmp.Compare(weight(b.path), weight(a.path)),
			cmp.Compare(b.conditions, a.conditions),
			cmp.Compare(a.service, b.service),
			cmp.Compare(a.key, b.key),
		)
	})
}

// specificity ranks kinds of path match, the most specific first.
func specificity(k model.PathKind) int {
	switch k {
	case model.PathExact:
		return 0
	case model.PathPrefix:
		return 1
	case model.PathRegex:
		return 2
	}
	panic(unknown("path match", k))
}

// weight is a path's length where length tells which of two matches that can
// both hold is narrower. Of two exact paths only one ever holds.
func weight(p model.PathMatch) int {
	if p.Kind == model.PathExact {
		return 0
	}
	return len(p.Value)
}
