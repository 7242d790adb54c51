package translator

import (
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// upgradeFilter is the name under which routes configure the filter that
// prepares a WebSocket for its upstream.
const upgradeFilter = "envoy.filters.http.set_filter_state"

// httpFilters are in the order in which Envoy runs them on a request. All
// listeners have the same, switched off where a route must ask for them: a
// filter that came with its first user would be a change of the listener.
func httpFilters(at scope) []*hcmv3.HttpFilter {
	return []*hcmv3.HttpFilter{
		{
			Name:       upgradeFilter,
			Disabled:   true,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: at.pack(&setfilterstatev3.Config{})},
		},
		router(at),
	}
}

// router sends the request on, so that nothing may come after it.
func router(at scope) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name:       "envoy.filters.http.router",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: at.pack(&routerv3.Router{})},
	}
}

// switchedOn has filters run that routes would have to ask for. Envoy makes the
// chain of filters by the first route that it finds for a request, and there may
// be a better one once the filters of scopes have looked. So a filter that only
// some routes need must do nothing by itself, and what a route says to it must
// be its configuration and not just that it is on.
func switchedOn(filters []*hcmv3.HttpFilter) []*hcmv3.HttpFilter {
	for _, f := range filters {
		f.Disabled = false
	}
	return filters
}
