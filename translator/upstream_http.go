package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// protocolOptionsKey is where Envoy looks for a cluster's HTTP version.
const protocolOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// protocolOptions says which HTTP a cluster speaks; nothing is HTTP/1.1.
func protocolOptions(at scope, p model.Protocol) map[string]*anypb.Any {
	options := new(httpv3.HttpProtocolOptions)
	switch p {
	case model.HTTP1:
		return nil
	case model.HTTP2:
		options.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: http2(),
				},
			},
		}
	case model.HTTPAuto:
		options.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_AutoConfig{
			AutoConfig: &httpv3.HttpProtocolOptions_AutoHttpConfig{Http2ProtocolOptions: http2()},
		}
	default:
		panic(unknown("protocol", p))
	}
	return map[string]*anypb.Any{protocolOptionsKey: at.pack(options)}
}

// http2 bounds what one connection may hold, to clients and upstreams alike.
// Extended CONNECT carries WebSockets.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
func http2() *corev3.Http2ProtocolOptions {
	return &corev3.Http2ProtocolOptions{
		InitialStreamWindowSize:     wrapperspb.UInt32(64 << 10),
		InitialConnectionWindowSize: wrapperspb.UInt32(1 << 20),
		AllowConnect:                true,
	}
}
