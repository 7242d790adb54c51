package translator

import (
	"cmp"
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/diag"
	"dragoman/model"
)

// routeConfigurations gives each listener the routes of the services exposed on
// it, under the listener's name. A listener without services gets one without
// hosts: Envoy waits for what is not there.
func routeConfigurations(cfg *model.Config, services []*model.Service, is map[*model.Service]*translated, found *diag.Problems) []*routev3.RouteConfiguration {
	tables := make(map[string]table, len(cfg.Listeners))
	for name := range cfg.Listeners {
		tables[name] = make(table)
	}
	for _, s := range services {
		for _, l := range s.Listeners {
			for _, host := range s.Hosts {
				tables[l][host] = append(tables[l][host], is[s].entries...)
			}
		}
	}
	out := make([]*routev3.RouteConfiguration, 0, len(tables))
	for _, l := range byName(cfg.Listeners) {
		at := scope{origin: l.Origin, what: "the routes of listener " + l.Name, found: found}
		out = append(out, routeConfiguration(at, l.Name, tables[l.Name]))
	}
	return out
}

// A table holds one listener's routes by host.
type table map[string][]entry

// entriesOf translates a service's routes, once for all its hosts and listeners.
func entriesOf(services model.Services, s *model.Service, found *diag.Problems) []entry {
	out := make([]entry, 0, len(s.Routes))
	for i := range s.Routes {
		r := &s.Routes[i]
		at := scope{origin: r.Origin, what: "a route of service " + s.Name, found: found}
		out = append(out, newEntry(s.Name, r, route(at, services, s.Name, r)))
	}
	return out
}

// route is one route of a service. A route without a name goes by its
// service's in access logs.
func route(at scope, services model.Services, service string, r *model.Route) *routev3.Route {
	out := &routev3.Route{
		Name:     cmp.Or(r.Name, service),
		Match:    match(at, r.Match),
		Metadata: metadata(service),
	}
	out.ResponseHeadersToAdd, out.ResponseHeadersToRemove = headerChanges(r.ResponseHeaders)
	switch a := r.Action.(type) {
	case *model.Forward:
		out.Action = &routev3.Route_Route{Route: routeAction(at, services, r.Match.Path, a)}
		out.RequestHeadersToAdd, out.RequestHeadersToRemove = headerChanges(a.RequestHeaders)
		if len(a.To) == 1 && asksHTTP1(a, services.Get(a.To[0].Service)) {
			out.TypedPerFilterConfig = askHTTP1(at)
		}
	case *model.Redirect:
		out.Action = &routev3.Route_Redirect{Redirect: redirectAction(at, r.Match.Path, a)}
	case *model.Respond:
		out.Action = &routev3.Route_DirectResponse{DirectResponse: directResponse(at, a)}
		out.ResponseHeadersToAdd = append(contentType(a), out.ResponseHeadersToAdd...)
	default:
		panic(unknown("action", a))
	}
	at.check(out)
	return out
}

// routeConfiguration merges what services put on each host. Its parts have been
// checked where they were made, so that each is checked once and blamed on
// whoever wrote it.
func routeConfiguration(at scope, name string, t table) *routev3.RouteConfiguration {
	out := &routev3.RouteConfiguration{
		Name: name,
		// Hosts are written without ports, and clients send one that is not
		// the scheme's own.
		IgnorePortInHostMatching:       true,
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxBody),
	}
	at.check(out)
	for _, host := range slices.Sorted(maps.Keys(t)) {
		out.VirtualHosts = append(out.VirtualHosts, virtualHost(host, t[host]))
	}
	return out
}

func virtualHost(host string, entries []entry) *routev3.VirtualHost {
	sortByPrecedence(entries)
	out := &routev3.VirtualHost{Name: host, Domains: []string{host}}
	for _, e := range entries {
		out.Routes = append(out.Routes, e.route)
	}
	return out
}

// checkHosts checks the virtual hosts of a service's names, without routes.
func checkHosts(s *model.Service, found *diag.Problems) {
	at := scope{origin: s.Origin, what: "service " + s.Name, found: found}
	for _, host := range s.Hosts {
		at.check(virtualHost(host, nil))
	}
}
