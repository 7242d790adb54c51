package translator

import (
	"maps"
	"slices"
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// scopeHeader carries a request's scope inside Envoy: LISTENER/HOST. What a
// client writes into it is overwritten, and upstreams do not get it.
const scopeHeader = "x-dragoman-scope"

// The filters that find a scope where the host as it was sent has none.
const (
	caseFilter = "dragoman.scope.case"
	restFilter = "dragoman.scope.rest"
)

// foldCase tries the host in lower case, as one table does. A virtual host says
// that it is known: then there is nothing to find, and just no route.
const foldCase = `function envoy_on_request(handle)
  if handle:virtualHost():metadata():get("known") then return end
  local headers = handle:headers()
  local scope = headers:get("` + scopeHeader + `")
  if scope == nil or scope == scope:lower() then return end
  headers:replace("` + scopeHeader + `", scope:lower())
  handle:clearRouteCache()
end
`

// tryRest goes to the scope with the wildcards and *. Envoy decides about
// upgrades before any filter runs, by the first route that it finds; here there
// was none, so that what it would have refused is refused now. Each of the two
// filters looks once: Envoy does not look again in the same one.
const tryRest = `function envoy_on_request(handle)
  local headers = handle:headers()
  if not handle:virtualHost():metadata():get("known") then
    headers:replace("` + scopeHeader + `", "LISTENER/*")
    handle:clearRouteCache()
  end
  local upgrade = headers:get("upgrade")
  local connection = headers:get("connection")
  if upgrade == nil or connection == nil or not connection:lower():find("upgrade", 1, true) then return end
  local refused = handle:metadata():get("refused")
  if handle:streamInfo():routeName() ~= "" and (refused or upgrade:lower() ~= "websocket") then
    handle:respond({[":status"] = "403"}, "")
  end
end
`

// scopeOf names the scope of a host on a listener, and its routes. Neither a
// listener nor a host has a slash.
func scopeOf(listener, host string) string { return listener + "/" + host }

// restOf names the scope with all hosts of a listener that have a wildcard.
func restOf(listener string) string { return scopeOf(listener, "*") }

// wildcard tells whether a host stands for more than one.
func wildcard(host string) bool { return strings.HasPrefix(host, "*") }

// routesByScope chooses the scope of a request by the host in it, without its port,
// which is cut at the first colon. The scopes of all listeners of an Envoy are one set, so
// that the listener is in the key. The listener says nothing of any host: hosts
// come and go without it.
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing
func routesByScope(listener string) *hcmv3.HttpConnectionManager_ScopedRoutes {
	extractor := &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
		Name:             scopeHeader,
		ElementSeparator: ":",
		ExtractType:      &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
	}
	return &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
		Name: listener,
		ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
			Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{HeaderValueExtractor: extractor},
		}}},
		RdsConfigSource: byADS(),
		ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: byADS()}},
	}}
}

// scopeHeaders writes the scope of each request before its route is looked for.
func scopeHeaders(at scope, listener string) []*corev3.TypedExtensionConfig {
	return []*corev3.TypedExtensionConfig{{
		Name: "dragoman.scope",
		TypedConfig: at.pack(&earlyv3.HeaderMutation{Mutations: []*mutationv3.HeaderMutation{{
			Action: &mutationv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: scopeHeader, Value: scopeOf(literal(listener), "%REQ(:AUTHORITY)%")},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}},
		}}}),
	}}
}

// scopeFilters look for a scope again where there was none. Routes switch them
// off, so that requests for a host as it is written never meet them.
func scopeFilters(at scope, listener string) []*hcmv3.HttpFilter {
	return []*hcmv3.HttpFilter{
		lua(at, caseFilter, foldCase),
		lua(at, restFilter, strings.Replace(tryRest, "LISTENER", listener, 1)),
	}
}

func lua(at scope, name, code string) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name: name,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: at.pack(&luav3.Lua{
			DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: code}},
			ClearRouteCache:   wrapperspb.Bool(false), // it says so itself
		})},
	}
}

// scopedRoute is the scope of a host, or of the rest.
func scopedRoute(name string) *routev3.ScopedRouteConfiguration {
	return &routev3.ScopedRouteConfiguration{
		Name:                   name,
		RouteConfigurationName: name,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: name},
		}}},
	}
}

// scoping is what every scope has in it.
type scoping struct {
	off     map[string]*anypb.Any // what routes say to the filters that look for a scope
	known   *corev3.Metadata      // of a virtual host
	refused *structpb.Struct      // of a route
}

func newScoping() scoping {
	off, err := anypb.New(&routev3.FilterConfig{Disabled: true})
	if err != nil {
		panic(err) // it is always the same
	}
	known := flag("known")
	return scoping{
		off:     map[string]*anypb.Any{caseFilter: off, restFilter: off},
		known:   &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{caseFilter: known, restFilter: known}},
		refused: flag("refused"),
	}
}

// flag is one field that is true.
func flag(name string) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{name: structpb.NewBoolValue(true)}}
}

// configuration is what a listener's one table is for other hosts, for those of
// one scope.
func (s scoping) configuration(name string, hosts ...*routev3.VirtualHost) *routev3.RouteConfiguration {
	out := routeConfiguration(name, hosts)
	out.TypedPerFilterConfig = s.off
	out.RequestHeadersToRemove = []string{scopeHeader}
	return out
}

// host is a virtual host that the filters of the scope know, and whose routes
// tell them if they refuse WebSockets.
func (s scoping) host(host string, entries []entry) *routev3.VirtualHost {
	out := virtualHost(host, entries)
	out.Metadata = s.known
	for i, r := range out.Routes {
		if refusesWebSockets(r) {
			out.Routes[i] = s.refuse(r)
		}
	}
	return out
}

// refusesWebSockets tells whether Envoy answers a WebSocket with 403: also where
// the route answers everything else by itself.
func refusesWebSockets(r *routev3.Route) bool {
	upgrades := r.GetRoute().GetUpgradeConfigs()
	return !slices.ContainsFunc(upgrades, func(u *routev3.RouteAction_UpgradeConfig) bool { return u.GetEnabled().GetValue() })
}

// refuse returns a route with the flag, which shares all else with it.
func (s scoping) refuse(r *routev3.Route) *routev3.Route {
	out := new(routev3.Route)
	to := out.ProtoReflect()
	r.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(field, v)
		return true
	})
	out.Metadata = &corev3.Metadata{FilterMetadata: maps.Clone(r.GetMetadata().GetFilterMetadata())}
	out.Metadata.FilterMetadata[restFilter] = s.refused
	return out
}
