// Package least makes the resources of one of the measured files by hand: what
// the bare loop serves, and what a cold start has to make at the least. It
// checks nothing and knows nothing of other files.
package least

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"
	"strconv"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Document is what the measured files have.
type Document struct {
	Service  string
	Listener string
	Port     uint32
	Hosts    []string
	Upstream string
	Routes   []struct {
		Prefix          string
		Timeout         string
		Retry           *struct{ Attempts uint32 }
		ResponseHeaders struct{ Set map[string]string } `yaml:"responseHeaders"`
	}
}

// Key names a resource.
type Key struct{ TypeURL, Name string }

// Build makes the resources of one document, marshalled and with versions by
// their content.
func Build(d Document) (map[Key]*discoveryv3.Resource, error) {
	out := map[Key]*discoveryv3.Resource{}
	if d.Listener != "" {
		return out, pack(out, d.Listener, listener(d))
	}
	to, err := url.Parse(d.Upstream)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(to.Port(), 10, 16)
	if err != nil {
		return nil, err
	}
	for _, m := range []proto.Message{
		cluster(d.Service),
		assignment(d.Service, to.Hostname(), uint32(port)),
		routes(d),
		scope(d.Hosts[0], d.Service),
	} {
		if err := pack(out, d.Service, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pack(into map[Key]*discoveryv3.Resource, name string, m proto.Message) error {
	body := new(anypb.Any)
	if err := anypb.MarshalFrom(body, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		return err
	}
	sum := sha256.Sum256(body.GetValue())
	into[Key{body.GetTypeUrl(), name}] = &discoveryv3.Resource{Name: name, Version: hex.EncodeToString(sum[:8]), Resource: body}
	return nil
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func cluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
		ConnectTimeout:       durationpb.New(5 * time.Second),
	}
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func assignment(name, host string, port uint32) *endpointv3.ClusterLoadAssignment {
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(host, port)}},
		}}}},
	}
}

func routes(d Document) *routev3.RouteConfiguration {
	host := &routev3.VirtualHost{Name: d.Service, Domains: []string{"*"}}
	for _, r := range d.Routes {
		forward := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: d.Service}}
		if timeout, err := time.ParseDuration(r.Timeout); err == nil {
			forward.Timeout = durationpb.New(timeout)
		}
		if r.Retry != nil {
			forward.RetryPolicy = &routev3.RetryPolicy{RetryOn: "connect-failure", NumRetries: wrapperspb.UInt32(r.Retry.Attempts)}
		}
		route := &routev3.Route{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: r.Prefix}},
			Action: &routev3.Route_Route{Route: forward},
		}
		for name, value := range r.ResponseHeaders.Set {
			route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}})
		}
		host.Routes = append(host.Routes, route)
	}
	return &routev3.RouteConfiguration{Name: d.Service, VirtualHosts: []*routev3.VirtualHost{host}}
}

func scope(host, service string) *routev3.ScopedRouteConfiguration {
	return &routev3.ScopedRouteConfiguration{
		Name:                   service,
		RouteConfigurationName: service,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: host},
		}}},
	}
}

// listener finds the routes by a scope for each host.
func listener(d Document) *listenerv3.Listener {
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		panic(err) // nothing is in it
	}
	manager, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix:  d.Listener,
		HttpFilters: []*hcmv3.HttpFilter{{Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router}}},
		RouteSpecifier: &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
			Name:            d.Listener,
			RdsConfigSource: ads(),
			ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
				Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
					HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
						Name:        ":authority",
						ExtractType: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
					},
				},
			}}},
			ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: ads()}},
		}},
	})
	if err != nil {
		panic(err) // all of it is written here
	}
	return &listenerv3.Listener{
		Name:    d.Listener,
		Address: address(net.IPv4(127, 0, 0, 1).String(), d.Port),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}}}},
	}
}
