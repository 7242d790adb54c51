package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// listener depends on its own document alone, and on how it gets its routes. A changed listener drains for
// ten minutes and closes its clients' connections, so that nothing which routes
// can carry may stand in it.
func listener(at scope, l *model.Listener, routes model.RouteDiscovery) *listenerv3.Listener {
	out := &listenerv3.Listener{
		Name:                          l.Name,
		Address:                       address(l.Address, l.Port),
		PerConnectionBufferLimitBytes: wrapperspb.UInt32(bufferLimit),
		FilterChains: []*listenerv3.FilterChain{{
			TransportSocket: terminateTLS(at, l.TLS),
			Filters: []*listenerv3.Filter{{
				Name:       "envoy.filters.network.http_connection_manager",
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: at.pack(connectionManager(at, l, routes))},
			}},
		}},
	}
	at.check(out)
	return out
}

// routesByADS names the listener's routes, which come by themselves: with
// routes inside a listener three requests in four fail while one changes.
func routesByADS(name string) *hcmv3.HttpConnectionManager_Rds {
	return &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: name, ConfigSource: byADS()}}
}

// byADS is where routes and endpoints come from. The wait for them stays
// Envoy's 15 s. Without a bound one answer that never comes would keep all
// listeners of an Envoy from opening, or all changes of clusters from being
// taken; a short one would have a slow answer count as no endpoints at all.
func byADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}
