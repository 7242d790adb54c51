package translator

import (
	"maps"
	"net/netip"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"dragoman/model"
)

// transportSocket speaks TLS to an upstream and checks who answers. ALPN is
// left to Envoy, which offers what the cluster's protocol options allow.
func transportSocket(at scope, u *model.Upstream, roots string) *corev3.TransportSocket {
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{
			TypedConfig: at.pack(upstreamTLS(u.Endpoints, roots)),
		},
	}
}

// upstreamTLS asks each endpoint for a certificate of its own name. Envoy 1.40
// has no setting for the system's roots, so their file is named.
func upstreamTLS(endpoints []model.Endpoint, roots string) *tlsv3.UpstreamTlsContext {
	names, ips := hosts(endpoints)
	check := &tlsv3.CertificateValidationContext{
		TrustedCa: &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: roots}},
	}
	out := &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		// Envoy's clients stop at TLS 1.2 unless told.
		TlsParams:             &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: check},
	}}
	if len(names) > 1 && len(ips) == 0 {
		out.AutoHostSni = true
		out.AutoSniSanValidation = true
		return out
	}
	// An address is no server name, and is not found among DNS names: for
	// addresses any certificate of the upstream's will do.
	if len(names) == 1 && len(ips) == 0 {
		out.Sni = names[0]
	}
	out.AutoHostSni = len(names) > 0 && len(ips) > 0
	for _, name := range names {
		check.MatchTypedSubjectAltNames = append(check.MatchTypedSubjectAltNames,
			subjectAltName(tlsv3.SubjectAltNameMatcher_DNS, name))
	}
	for _, ip := range ips {
		check.MatchTypedSubjectAltNames = append(check.MatchTypedSubjectAltNames,
			subjectAltName(tlsv3.SubjectAltNameMatcher_IP_ADDRESS, ip))
	}
	return out
}

func subjectAltName(kind tlsv3.SubjectAltNameMatcher_SanType, value string) *tlsv3.SubjectAltNameMatcher {
	return &tlsv3.SubjectAltNameMatcher{
		SanType: kind,
		Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: value}},
	}
}

// hosts returns the distinct DNS names and IP addresses of endpoints, sorted.
func hosts(endpoints []model.Endpoint) (names, ips []string) {
	isIP := make(map[string]bool, len(endpoints))
	for _, e := range endpoints {
		_, err := netip.ParseAddr(e.Host)
		isIP[e.Host] = err == nil
	}
	for _, host := range slices.Sorted(maps.Keys(isIP)) {
		if isIP[host] {
			ips = append(ips, host)
		} else {
			names = append(names, host)
		}
	}
	return names, ips
}
