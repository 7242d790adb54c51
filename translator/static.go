package translator

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Static is a whole bootstrap that runs resources without a control plane, but
// for listeners that gRPC clients ask for: routes stand inside their listeners,
// endpoints inside their clusters, and secrets and runtimes beside them. The
// admin endpoint is at HOST:PORT, and there is none if that is empty. The
// resources are left as they are.
func Static(r Resources, admin string) (*bootstrapv3.Bootstrap, error) {
	out := &bootstrapv3.Bootstrap{StaticResources: new(bootstrapv3.Bootstrap_StaticResources)}
	if admin != "" {
		host, port, err := net.SplitHostPort(admin)
		if err != nil {
			return nil, fmt.Errorf("admin address %q: %w", admin, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("admin address %q: %w", admin, err)
		}
		out.Admin = &bootstrapv3.Admin{Address: address(host, uint32(number))}
	}
	for _, c := range r.Clusters {
		inlined, err := inlineEndpoints(c, r.Endpoints)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", c.GetName(), err)
		}
		out.StaticResources.Clusters = append(out.StaticResources.Clusters, inlined)
	}
	for _, l := range r.Listeners {
		if l.GetApiListener() != nil {
			continue
		}
		inlined, err := inlineRoutes(l, r)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.GetName(), err)
		}
		out.StaticResources.Listeners = append(out.StaticResources.Listeners, inlined)
	}
	out.StaticResources.Secrets = r.Secrets
	out.LayeredRuntime = staticLayers(r)
	if err := out.ValidateAll(); err != nil {
		return nil, fmt.Errorf("static bootstrap: %w", err)
	}
	return out, nil
}

// staticLayers is nil without runtimes: an empty list of layers would switch
// off the one that Envoy has by itself.
func staticLayers(r Resources) *bootstrapv3.LayeredRuntime {
	if len(r.Runtimes) == 0 {
		return nil
	}
	out := new(bootstrapv3.LayeredRuntime)
	for _, layer := range r.Runtimes {
		out.Layers = append(out.Layers, &bootstrapv3.RuntimeLayer{
			Name:           layer.GetName(),
			LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: layer.GetLayer()},
		})
	}
	return out
}

// inlineEndpoints copies a cluster that would ask for its endpoints, and puts
// them into it.
func inlineEndpoints(c *clusterv3.Cluster, endpoints []*endpointv3.ClusterLoadAssignment) (*clusterv3.Cluster, error) {
	if c.GetType() != clusterv3.Cluster_EDS {
		return c, nil
	}
	name := c.GetName()
	i, ok := slices.BinarySearchFunc(endpoints, name, func(a *endpointv3.ClusterLoadAssignment, name string) int {
		return strings.Compare(a.GetClusterName(), name)
	})
	if !ok {
		return nil, fmt.Errorf("no endpoints named %q", name)
	}
	out := proto.CloneOf(c)
	out.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	out.EdsClusterConfig = nil
	out.LoadAssignment = endpoints[i]
	return out, nil
}

// inlineRoutes copies a listener and puts the routes it would ask for into it.
func inlineRoutes(l *listenerv3.Listener, r Resources) (*listenerv3.Listener, error) {
	out := proto.CloneOf(l)
	for _, chain := range out.GetFilterChains() {
		if err := inlineSecrets(chain.GetTransportSocket()); err != nil {
			return nil, err
		}
		for _, f := range chain.GetFilters() {
			config, err := inlineManager(f.GetTypedConfig(), r)
			if err != nil {
				return nil, err
			}
			f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
		}
	}
	return out, nil
}

// inlineSecrets lets a listener find its secrets among the static ones.
func inlineSecrets(socket *corev3.TransportSocket) error {
	context := new(tlsv3.DownstreamTlsContext)
	if socket == nil || !socket.GetTypedConfig().MessageIs(context) {
		return nil
	}
	if err := socket.GetTypedConfig().UnmarshalTo(context); err != nil {
		return err
	}
	common := context.GetCommonTlsContext()
	for _, s := range common.GetTlsCertificateSdsSecretConfigs() {
		s.SdsConfig = nil
	}
	if s := common.GetValidationContextSdsSecretConfig(); s != nil {
		s.SdsConfig = nil
	}
	return anypb.MarshalFrom(socket.GetTypedConfig(), context, proto.MarshalOptions{Deterministic: true})
}

// inlineManager returns what is no connection manager as it is.
func inlineManager(config *anypb.Any, r Resources) (*anypb.Any, error) {
	manager := new(hcmv3.HttpConnectionManager)
	if !config.MessageIs(manager) {
		return config, nil
	}
	if err := config.UnmarshalTo(manager); err != nil {
		return nil, err
	}
	switch {
	case manager.GetRds() != nil:
		routes, err := routesNamed(r, manager.GetRds().GetRouteConfigName())
		if err != nil {
			return nil, err
		}
		manager.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: routes}
	case manager.GetScopedRoutes() != nil:
		if err := inlineScopes(manager.GetScopedRoutes(), r); err != nil {
			return nil, err
		}
	default:
		return config, nil
	}
	out := new(anypb.Any)
	return out, anypb.MarshalFrom(out, manager, proto.MarshalOptions{Deterministic: true})
}

// inlineScopes puts a listener's scopes into it, each with its routes.
func inlineScopes(scoped *hcmv3.ScopedRoutes, r Resources) error {
	list := new(hcmv3.ScopedRouteConfigurationsList)
	for _, s := range r.ScopedRoutes {
		if !strings.HasPrefix(s.GetName(), scoped.GetName()+"/") {
			continue
		}
		routes, err := routesNamed(r, s.GetRouteConfigurationName())
		if err != nil {
			return err
		}
		inlined := proto.CloneOf(s)
		inlined.RouteConfigurationName, inlined.RouteConfiguration = "", routes
		list.ScopedRouteConfigurations = append(list.ScopedRouteConfigurations, inlined)
	}
	scoped.ConfigSpecifier = &hcmv3.ScopedRoutes_ScopedRouteConfigurationsList{ScopedRouteConfigurationsList: list}
	scoped.RdsConfigSource = nil
	return nil
}

func routesNamed(r Resources, name string) (*routev3.RouteConfiguration, error) {
	i, ok := slices.BinarySearchFunc(r.Routes, name, func(c *routev3.RouteConfiguration, name string) int {
		return strings.Compare(c.GetName(), name)
	})
	if !ok {
		return nil, fmt.Errorf("no routes named %q", name)
	}
	return r.Routes[i], nil
}
