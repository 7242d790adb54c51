package translator

import (
	"regexp"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// apiListener is what a gRPC client without a proxy begins with when it is
// given xds:///NAME. It has just what such clients understand.
// https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
func apiListener(at scope, s *model.Service) *listenerv3.Listener {
	out := &listenerv3.Listener{
		Name: s.Name,
		ApiListener: &listenerv3.ApiListener{ApiListener: at.pack(&hcmv3.HttpConnectionManager{
			StatPrefix:     s.Name,
			RouteSpecifier: routesByADS(s.Name),
			HttpFilters:    []*hcmv3.HttpFilter{router(at)},
		})},
		Metadata: at.metadata,
	}
	at.check(out)
	return out
}

// rpcRoutes are a service's routes as gRPC clients understand them. The loader
// has refused what they cannot do; what no RPC can match is left out.
func rpcRoutes(at scope, s *model.Service) *routev3.RouteConfiguration {
	var entries []entry
	for i := range s.Routes {
		r := &s.Routes[i]
		if r.Match.TakesRPCs() {
			at.origin, at.what = r.Origin, "a route of service "+s.Name
			entries = append(entries, newEntry(s.Name, r, rpcRoute(at, r)))
		}
	}
	host := virtualHost("*", entries)
	host.Name = s.Name
	return &routev3.RouteConfiguration{Name: s.Name, VirtualHosts: []*routev3.VirtualHost{host}}
}

// rpcRoute is a route for gRPC clients. An RPC cannot be redirected or answered
// by a route: there it fails, as it must not go elsewhere.
func rpcRoute(at scope, r *model.Route) *routev3.Route {
	out := &routev3.Route{
		Name:     r.Name,
		Match:    rpcMatch(at, r.Match),
		Metadata: at.metadata,
		Action:   &routev3.Route_NonForwardingAction{NonForwardingAction: new(routev3.NonForwardingAction)},
	}
	if f, ok := r.Action.(*model.Forward); ok {
		out.Action = &routev3.Route_Route{Route: rpcAction(at, f)}
	}
	at.check(out)
	return out
}

// rpcMatch leaves out methods and what a query must not have, which hold for
// every RPC.
func rpcMatch(at scope, m model.Match) *routev3.RouteMatch {
	out := pathMatch(at, m.Path)
	if m.Path.Kind == model.PathPrefix {
		out = rpcPrefix(at, m.Path.Value)
	}
	for _, v := range m.Headers {
		out.Headers = append(out.Headers, headerMatch(at, v))
	}
	return out
}

// rpcPrefix matches whole segments without Envoy's separated prefix, which gRPC
// clients refuse. The path of an RPC has a service and a method, so that what
// begins with a whole service begins with a slash after it.
func rpcPrefix(at scope, path string) *routev3.RouteMatch {
	switch {
	case strings.HasSuffix(path, "/"):
		return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: path}}
	case strings.Count(path, "/") == 1:
		return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: path + "/"}}
	}
	pattern := regex(at, regexp.QuoteMeta(path)+"(/.*)?")
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{SafeRegex: pattern}}
}

func rpcAction(at scope, f *model.Forward) *routev3.RouteAction {
	out := &routev3.RouteAction{RetryPolicy: rpcRetries(at, f.Retry)}
	if len(f.To) == 1 {
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: f.To[0].Service}
	} else {
		all := new(routev3.WeightedCluster)
		for _, t := range f.To {
			all.Clusters = append(all.Clusters, &routev3.WeightedCluster_ClusterWeight{Name: t.Service, Weight: wrapperspb.UInt32(t.Weight)})
		}
		out.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: all}
	}
	if f.Timeout > 0 {
		out.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: durationpb.New(f.Timeout)}
	}
	return out
}

// rpcRetries is nil where no reason is left that a gRPC client knows.
func rpcRetries(at scope, r *model.Retry) *routev3.RetryPolicy {
	if r == nil {
		return nil
	}
	on := slices.DeleteFunc(slices.Clone(r.On), func(reason string) bool { return !model.IsRPCStatus(reason) })
	if len(on) == 0 {
		return nil
	}
	return &routev3.RetryPolicy{
		RetryOn:      strings.Join(on, ","),
		NumRetries:   wrapperspb.UInt32(r.Attempts),
		RetryBackOff: backOff(at, r.Backoff),
	}
}
