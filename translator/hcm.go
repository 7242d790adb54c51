package translator

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// connectionManager follows Envoy's advice for proxies at the edge: clients are
// strangers, their addresses come from the connection, their paths are brought
// into one form before anything matches them, and nothing waits for ever.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
func connectionManager(at scope, l *model.Listener, routes model.RouteDiscovery) *hcmv3.HttpConnectionManager {
	clients := http2()
	clients.MaxConcurrentStreams = wrapperspb.UInt32(100)
	out := &hcmv3.HttpConnectionManager{
		CodecType:         hcmv3.HttpConnectionManager_AUTO,
		StatPrefix:        l.Name,
		RouteSpecifier:    routesByADS(l.Name),
		HttpFilters:       httpFilters(at),
		AccessLog:         accessLog(at, l.AccessLog),
		UseRemoteAddress:  wrapperspb.Bool(true),
		XffNumTrustedHops: l.TrustedHops,
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout: durationpb.New(time.Hour),
			// x_user and x-user are one header to many programs behind us.
			HeadersWithUnderscoresAction: corev3.HttpProtocolOptions_REJECT_REQUEST,
		},
		Http2ProtocolOptions: clients,
		StreamIdleTimeout:    durationpb.New(5 * time.Minute),
		// Bounds the sending of a request; it ends with the first byte of the
		// answer, so that a WebSocket or a stream of answers may last.
		RequestTimeout:               durationpb.New(5 * time.Minute),
		NormalizePath:                wrapperspb.Bool(true),
		MergeSlashes:                 true,
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_UNESCAPE_AND_REDIRECT,
	}
	if routes == model.RoutesByScope {
		out.RouteSpecifier = routesByScope(l.Name)
		out.EarlyHeaderMutationExtensions = scopeHeaders(at, l.Name)
		out.HttpFilters = append(scopeFilters(at, l.Name), switchedOn(out.HttpFilters)...)
	}
	return out
}
