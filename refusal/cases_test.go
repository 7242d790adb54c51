package refusal_test

import (
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filelogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/translator"
)

// A bad is something that Envoy refuses, and that our own checks would keep
// from being published.
type bad struct {
	name string
	typ  string // of the resource that is refused
	put  func(*translator.Resources)
	file string // that is told; listeners are in l.yaml, service x in x.yaml
	own  bool   // the Envoy's own trouble

	// unnamed says that Envoy does not tell which resource it means, so that
	// each is tried alone.
	unnamed bool
}

// bads are all that are tried. The resource that is refused is called bad, but
// for route configurations, which all have the name of the listener, l.
func bads(taken uint32) []bad {
	return []bad{
		{"cluster with a name for an address", resource.ClusterType, withCluster(func(c *clusterv3.Cluster) {
			c.LoadAssignment = assignment("bad", "not.an.address", 80)
		}), "bad.yaml", false, false},
		{"cluster that breaks a constraint", resource.ClusterType, withCluster(func(c *clusterv3.Cluster) {
			c.ConnectTimeout = durationpb.New(-time.Second)
		}), "bad.yaml", false, true},
		{"cluster with a file that is not there", resource.ClusterType, withCluster(func(c *clusterv3.Cluster) {
			c.TransportSocket = upstreamTLS(validation(&corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: "/nonexistent/ca.crt"}}))
		}), "bad.yaml", true, false},
		{"cluster with a bad authority", resource.ClusterType, withCluster(func(c *clusterv3.Cluster) {
			c.TransportSocket = upstreamTLS(validation(inline("no certificate")))
		}), "bad.yaml", false, false},
		{"cluster with an unknown extension", resource.ClusterType, withCluster(func(c *clusterv3.Cluster) {
			c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{Name: "dragoman.no.such"}}
		}), "bad.yaml", false, false},
		{"listener whose port is taken", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.Address = address("127.0.0.1", taken)
		}), "l.yaml", true, false},
		{"listener on another host's address", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.Address = address("203.0.113.7", 18080)
		}), "l.yaml", true, false},
		{"listener with a name for an address", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.Address = address("not.an.address", 18080)
		}), "l.yaml", false, false},
		{"listener without filter chains", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.FilterChains = nil
		}), "l.yaml", false, false},
		{"listener with an unknown extension", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.FilterChains[0].Filters[0] = &listenerv3.Filter{Name: "dragoman.no.such", ConfigType: &listenerv3.Filter_TypedConfig{
				TypedConfig: &anypb.Any{TypeUrl: "type.googleapis.com/dragoman.NoSuch"},
			}}
		}), "l.yaml", false, false},
		{"listener whose router is not last", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.FilterChains[0].Filters[0].ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: pack(manager("l", func(m *hcmv3.HttpConnectionManager) {
				m.HttpFilters = append(m.HttpFilters, &hcmv3.HttpFilter{
					Name: "envoy.filters.http.cors", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&corsv3.Cors{})},
				})
			}))}
		}), "l.yaml", false, false},
		{"listener with a log where there is no directory", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.AccessLog = []*accesslogv3.AccessLog{accessLog("/nonexistent/access.log", "")}
		}), "l.yaml", true, false},
		{"listener with a wrong log format", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.AccessLog = []*accesslogv3.AccessLog{accessLog("/dev/null", "%NO_SUCH_THING%\n")}
		}), "l.yaml", false, false},
		{"listener that breaks a constraint", resource.ListenerType, withListener(func(l *listenerv3.Listener) {
			l.FilterChains[0].Filters[0].Name = ""
		}), "l.yaml", false, false},
		{"routes with a wrong regex", resource.RouteType, withRoute(func(r *routev3.RouteConfiguration) {
			r.VirtualHosts = append(r.VirtualHosts, host("bad.example.com", &routev3.RouteMatch{
				PathSpecifier: &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: "/bad/(*"}},
			}))
		}), "bad.yaml", false, false},
		{"routes of one domain twice", resource.RouteType, withRoute(func(r *routev3.RouteConfiguration) {
			r.VirtualHosts = append(r.VirtualHosts, host("bad.example.com", anyPath()), host("other", anyPath()))
			r.VirtualHosts[len(r.VirtualHosts)-1].Domains = []string{"bad.example.com"}
		}), "bad.yaml", false, false},
		{"routes to a cluster that is not there", resource.RouteType, withRoute(func(r *routev3.RouteConfiguration) {
			r.ValidateClusters = wrapperspb.Bool(true)
			v := host("bad.example.com", anyPath())
			v.Routes[0].Action = &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "nowhere"}}}
			r.VirtualHosts = append(r.VirtualHosts, v)
		}), "bad.yaml", false, false},
		{"routes that break a constraint", resource.RouteType, withRoute(func(r *routev3.RouteConfiguration) {
			v := host("bad.example.com", anyPath())
			v.Routes[0].Action = nil
			r.VirtualHosts = append(r.VirtualHosts, v)
		}), "bad.yaml", false, false},
		{"endpoints with a name for an address", resource.EndpointType, withEndpoints(assignment("bad", "not.an.address", 80)), "bad.yaml", false, false},
		{"endpoints with an impossible port", resource.EndpointType, withEndpoints(assignment("bad", "127.0.0.1", 70000)), "bad.yaml", false, false},
		{"endpoints without their priority", resource.EndpointType, withEndpoints(func() *endpointv3.ClusterLoadAssignment {
			a := assignment("bad", "127.0.0.1", 80)
			a.Endpoints[0].Priority = 200
			return a
		}()), "bad.yaml", false, false},
		{"certificate that is none", resource.SecretType, func(r *translator.Resources) {
			c := cluster("bad", 5*time.Second)
			c.TransportSocket = upstreamTLS(&tlsv3.CommonTlsContext{
				TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: "bad", SdsConfig: ads()}},
			})
			r.Clusters = append(r.Clusters, c)
			r.Secrets = append(r.Secrets, &tlsv3.Secret{Name: "bad", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
				CertificateChain: inline("no certificate"), PrivateKey: inline("no key"),
			}}})
		}, "l.yaml", false, false},
	}
}

// fine is a configuration that Envoy takes: a listener for the routes that may
// become bad, one whose routes answer a number, and a cluster, which changes with
// the number, too.
func fine(n int) translator.Resources {
	return translator.Resources{
		Listeners: []*listenerv3.Listener{listener("l"), listener("m")},
		Routes:    []*routev3.RouteConfiguration{routes("l", 0), routes("m", n)},
		Clusters:  []*clusterv3.Cluster{cluster("good", time.Duration(n+1)*time.Second)},
	}
}

func withCluster(change func(*clusterv3.Cluster)) func(*translator.Resources) {
	return func(r *translator.Resources) {
		c := cluster("bad", 5*time.Second)
		change(c)
		r.Clusters = append(r.Clusters, c)
	}
}

func withListener(change func(*listenerv3.Listener)) func(*translator.Resources) {
	return func(r *translator.Resources) {
		l := listener("l")
		l.Name = "bad"
		change(l)
		r.Listeners = append(r.Listeners, l)
	}
}

func withRoute(change func(*routev3.RouteConfiguration)) func(*translator.Resources) {
	return func(r *translator.Resources) { change(r.Routes[0]) }
}

func withEndpoints(a *endpointv3.ClusterLoadAssignment) func(*translator.Resources) {
	return func(r *translator.Resources) {
		c := cluster("bad", 5*time.Second)
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.LoadAssignment = nil
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()}
		r.Clusters = append(r.Clusters, c)
		r.Endpoints = append(r.Endpoints, a)
	}
}

func cluster(name string, connect time.Duration) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(connect),
		LoadAssignment:       assignment(name, "127.0.0.1", 9),
	}
}

func assignment(name, host string, port uint32) *endpointv3.ClusterLoadAssignment {
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
		HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(host, port)}},
	}}}}}
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func inline(text string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: text}}
}

func validation(ca *corev3.DataSource) *tlsv3.CommonTlsContext {
	return &tlsv3.CommonTlsContext{ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: ca},
	}}
}

func upstreamTLS(c *tlsv3.CommonTlsContext) *corev3.TransportSocket {
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&tlsv3.UpstreamTlsContext{CommonTlsContext: c})},
	}
}

// routes answer good.example.com with a number.
func routes(name string, n int) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "good.example.com", Domains: []string{"good.example.com"}, Routes: []*routev3.Route{answer(anyPath(), n)},
	}}}
}

func host(name string, m *routev3.RouteMatch) *routev3.VirtualHost {
	return &routev3.VirtualHost{Name: name, Domains: []string{name}, Routes: []*routev3.Route{answer(m, 0)}}
}

func anyPath() *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
}

func answer(m *routev3.RouteMatch, n int) *routev3.Route {
	return &routev3.Route{Match: m, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: uint32(400 + n)}}}
}

func listener(name string) *listenerv3.Listener {
	return &listenerv3.Listener{
		Name:    name,
		Address: address("127.0.0.1", 0),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(manager(name, func(*hcmv3.HttpConnectionManager) {}))},
		}}}},
	}
}

func manager(routes string, change func(*hcmv3.HttpConnectionManager)) *hcmv3.HttpConnectionManager {
	m := &hcmv3.HttpConnectionManager{
		StatPrefix:     routes,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: routes, ConfigSource: ads()}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
		}},
	}
	change(m)
	return m
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func accessLog(path, format string) *accesslogv3.AccessLog {
	log := &filelogv3.FileAccessLog{Path: path}
	if format != "" {
		log.AccessLogFormat = &filelogv3.FileAccessLog_LogFormat{LogFormat: &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: format},
			}},
		}}
	}
	return &accesslogv3.AccessLog{Name: "file", ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(log)}}
}

func pack(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err) // none of these is so wrong
	}
	return a
}
