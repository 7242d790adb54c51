package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	setv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// webSockets allows or forbids WebSockets on a route. It says so either way:
// else Envoy would ask the listener, which must not change for a route.
func webSockets(allow bool) []*routev3.RouteAction_UpgradeConfig {
	return []*routev3.RouteAction_UpgradeConfig{
		{UpgradeType: "websocket", Enabled: wrapperspb.Bool(allow)},
	}
}

// asksHTTP1 tells whether a WebSocket to a target must ask for HTTP/1.1. Where
// ALPN chooses, it would choose HTTP/2, and hardly any server takes a WebSocket
// over that (RFC 8441); Envoy does not see that it cannot and answers 502.
func asksHTTP1(f *model.Forward, target model.Protocol) bool {
	return f.WebSocket && target == model.HTTPAuto
}

// askHTTP1 is the per-route configuration with which a request that wants an
// upgrade offers its upstream nothing but HTTP/1.1, on connections of its own.
// All other requests keep their choice.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_filter_state
func askHTTP1(at scope) map[string]*anypb.Any {
	return map[string]*anypb.Any{upgradeFilter: at.pack(&setfilterstatev3.Config{
		OnRequestHeaders: []*setv3.FilterStateValue{{
			Key: &setv3.FilterStateValue_ObjectKey{ObjectKey: "envoy.network.application_protocols"},
			Value: &setv3.FilterStateValue_FormatString{FormatString: &corev3.SubstitutionFormatString{
				Format: &corev3.SubstitutionFormatString_TextFormatSource{
					TextFormatSource: inline(`%CEL('upgrade' in request.headers ? 'http/1.1' : '')%`),
				},
				OmitEmptyValues: true,
			}},
			SkipIfEmpty: true,
		}},
	})}
}
