package translator

import (
	"cmp"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// protocols tells what the upstream of a service speaks.
type protocols func(service string) model.Protocol

// route is one route of a service. A route without a name goes by its
// service's in access logs.
func route(at scope, of protocols, service string, r *model.Route) *routev3.Route {
	out := &routev3.Route{
		Name:     cmp.Or(r.Name, service),
		Match:    match(at, r.Match),
		Metadata: at.metadata,
	}
	out.ResponseHeadersToAdd, out.ResponseHeadersToRemove = headerChanges(r.ResponseHeaders)
	switch a := r.Action.(type) {
	case *model.Forward:
		out.Action = &routev3.Route_Route{Route: routeAction(at, of, r.Match.Path, a)}
		out.RequestHeadersToAdd, out.RequestHeadersToRemove = headerChanges(a.RequestHeaders)
		if len(a.To) == 1 && asksHTTP1(a, of(a.To[0].Service)) {
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

// routeConfiguration has virtual hosts as they are. Its parts have been checked
// where they were made, so that each is checked once and blamed on whoever wrote
// it.
func routeConfiguration(name string, hosts []*routev3.VirtualHost) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: hosts,
		// Hosts are written without ports, and clients send one that is not
		// the scheme's own.
		IgnorePortInHostMatching:       true,
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxBody),
	}
}

// virtualHost has the routes of all services on one host.
func virtualHost(host string, entries []entry) *routev3.VirtualHost {
	sortByPrecedence(entries)
	out := &routev3.VirtualHost{Name: host, Domains: []string{host}}
	for _, e := range entries {
		out.Routes = append(out.Routes, e.route)
	}
	return out
}
