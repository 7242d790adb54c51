package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// terminateTLS speaks TLS to clients, and is nil for plain HTTP. All certificates
// are in one context, where Envoy chooses by the names that it finds in them and
// by what the client can check. A filter chain for each, which would say the
// names itself, would make new names in a certificate a change of the listener.
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-selection
func terminateTLS(at scope, t *model.TLS) *corev3.TransportSocket {
	if t == nil {
		return nil
	}
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{
			TypedConfig: at.pack(downstreamTLS(t)),
		},
	}
}

func downstreamTLS(t *model.TLS) *tlsv3.DownstreamTlsContext {
	common := &tlsv3.CommonTlsContext{
		TlsParams: &tlsv3.TlsParameters{
			TlsMinimumProtocolVersion: tlsVersion(t.MinVersion),
			CipherSuites:              t.CipherSuites,
		},
		AlpnProtocols: t.ALPN,
	}
	for _, c := range t.Certificates {
		common.TlsCertificateSdsSecretConfigs = append(common.TlsCertificateSdsSecretConfigs, secretByADS(c.Secret))
	}
	out := &tlsv3.DownstreamTlsContext{
		CommonTlsContext: common,
		// Without it a client that asks for a strange name and can check RSA alone
		// would be turned away where the first certificate is ECDSA.
		FullScanCertsOnSniMismatch: wrapperspb.Bool(true),
	}
	if t.ClientCA != nil {
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{
			ValidationContextSdsSecretConfig: secretByADS(t.ClientCA.Secret),
		}
		out.RequireClientCertificate = wrapperspb.Bool(t.RequireClient)
	}
	return out
}

func tlsVersion(v model.TLSVersion) tlsv3.TlsParameters_TlsProtocol {
	switch v {
	case model.TLS12:
		return tlsv3.TlsParameters_TLSv1_2
	case model.TLS13:
		return tlsv3.TlsParameters_TLSv1_3
	}
	panic(unknown("version of TLS", v))
}

// secretByADS names a secret, which comes by itself: a new certificate is then
// no change of the listener.
func secretByADS(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{
		Name: name,
		SdsConfig: &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		},
	}
}
