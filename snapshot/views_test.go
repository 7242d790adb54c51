package snapshot_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	grpclogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

func id(id string) *corev3.Node { return &corev3.Node{Id: id} }

// sdsConfig is a secret that comes by ADS.
func sdsConfig(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}}
}

func socket(t testing.TB, m proto.Message) *corev3.TransportSocket {
	t.Helper()
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(t, m)},
	}
}

// behind adds a listener with a certificate, whose routes lead to a cluster that
// discovers its endpoints and has a certificate as well.
func behind(t testing.TB, r *translator.Resources, name string, port uint32, groups ...string) {
	t.Helper()
	l := listener(t, name, port)
	l.FilterChains[0].TransportSocket = socket(t, &tlsv3.DownstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{sdsConfig(name + "-cert")},
	}})
	c := cluster(t, name+"-service")
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	c.LoadAssignment = nil
	c.TransportSocket = socket(t, &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: sdsConfig(name + "-ca")},
	}})
	r.Listeners = append(r.Listeners, l)
	r.Clusters = append(r.Clusters, c)
	r.Endpoints = append(r.Endpoints, assignment(name+"-service"))
	r.Secrets = append(r.Secrets, &tlsv3.Secret{Name: name + "-cert"}, &tlsv3.Secret{Name: name + "-ca"})
	r.Routes = append(r.Routes, &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{route(name + "-service")},
	}}})
	if len(groups) > 0 {
		if r.GroupsOf == nil {
			r.GroupsOf = map[string][]string{}
		}
		r.GroupsOf[name] = groups
	}
}

func groups(names ...string) []*model.Group {
	var out []*model.Group
	for _, name := range names {
		out = append(out, &model.Group{Name: name, Match: []model.NodeMatch{{ID: "*" + name + "*"}}})
	}
	return out
}

// all names what is in a view, one type a line.
func all(v *snapshot.View) map[string]string {
	out := map[string]string{}
	for what, typeURL := range map[string]string{
		"listeners": resourcev3.ListenerType, "routes": resourcev3.RouteType, "clusters": resourcev3.ClusterType,
		"endpoints": resourcev3.EndpointType, "secrets": resourcev3.SecretType, "runtimes": resourcev3.RuntimeType,
	} {
		var names []string
		for r := range v.Set(typeURL).All() {
			names = append(names, r.Name)
		}
		out[what] = strings.Join(names, " ")
	}
	return out
}

// only is a view of these listeners and what they need.
func only(listeners ...string) map[string]string {
	services, secrets := make([]string, 0, len(listeners)), make([]string, 0, 2*len(listeners))
	for _, l := range listeners {
		services = append(services, l+"-service")
		secrets = append(secrets, l+"-ca", l+"-cert")
	}
	return map[string]string{
		"listeners": strings.Join(listeners, " "), "routes": strings.Join(listeners, " "),
		"clusters": strings.Join(services, " "), "endpoints": strings.Join(services, " "),
		"secrets": strings.Join(secrets, " "), "runtimes": "runtime-0",
	}
}

// groupsAndMore has a listener for everybody, one for each of two groups and
// one for both, and a cluster, its endpoints and a secret for nobody.
func groupsAndMore(t testing.TB) translator.Resources {
	t.Helper()
	r := services(t, 0)
	r.Listeners, r.Routes = nil, nil
	behind(t, &r, "common", 1)
	behind(t, &r, "edge", 2, "edge")
	behind(t, &r, "mesh", 2, "mesh")
	behind(t, &r, "shared", 3, "edge", "mesh")
	r.Clusters = append(r.Clusters, cluster(t, "nobodys"))
	r.Endpoints = append(r.Endpoints, assignment("nobodys"))
	r.Secrets = append(r.Secrets, &tlsv3.Secret{Name: "nobodys"})
	r.Groups = groups("edge", "mesh", "unused")
	return r
}

func TestAViewIsOfTheGroupsOfANode(t *testing.T) {
	s := build(t, groupsAndMore(t))
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for node, want := range map[string]map[string]string{
		"other":  only("common"),
		"unused": only("common"),
		"edge-1": only("common", "edge", "shared"),
		"mesh-1": only("common", "mesh", "shared"),
	} {
		if diff := cmp.Diff(want, all(s.View(id(node)))); diff != "" {
			t.Errorf("%s gets (-want +got):\n%s", node, diff)
		}
		if got := s.View(id(node)).Shadowed; got != nil {
			t.Errorf("%s: shadowed: %v", node, got)
		}
	}
	both := s.View(id("edge and mesh"))
	if diff := cmp.Diff(only("common", "edge", "shared"), all(both)); diff != "" {
		t.Errorf("a node of two groups whose listeners have one address gets (-want +got):\n%s", diff)
	}
	want := []snapshot.Shadowed{{Listener: "mesh", By: "edge", Address: "TCP 0.0.0.0 port 2"}}
	if diff := cmp.Diff(want, both.Shadowed); diff != "" {
		t.Errorf("shadowed (-want +got):\n%s", diff)
	}
}

func TestViewsAreShared(t *testing.T) {
	s := build(t, groupsAndMore(t))
	got := make([]*snapshot.View, 50)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = s.View(id("edge-" + string(rune('a'+i%26)))) })
	}
	wg.Wait()
	for _, v := range got {
		if v != got[0] {
			t.Fatal("two nodes in the same groups have two views")
		}
	}
	if s.View(id("edge unused")) != got[0] {
		t.Error("a group that no listener is for makes a view of its own")
	}
	mesh, other := s.View(id("mesh")), s.View(id("other"))
	if mesh == got[0] || mesh.Version == got[0].Version || other.Version == got[0].Version {
		t.Error("nodes in other groups have the same view, or version of it")
	}
	if mesh.Set(resourcev3.RuntimeType) != got[0].Set(resourcev3.RuntimeType) {
		t.Error("two views with all runtime layers have two sets of them")
	}

	// One that is in both groups gets the listeners and the rest of edge.
	both := s.View(id("mesh edge"))
	if both == got[0] {
		t.Fatal("the node is in another group as well")
	}
	for _, typeURL := range []string{resourcev3.ListenerType, resourcev3.RouteType, resourcev3.ClusterType, resourcev3.EndpointType, resourcev3.SecretType} {
		if both.Set(typeURL) != got[0].Set(typeURL) {
			t.Errorf("two views with the same content have two sets of %s", typeURL)
		}
	}
	if both.Version != got[0].Version {
		t.Error("two views with the same content have two versions")
	}
}

// Who gets what is decided by the groups too: an edit of them is published.
func TestVersionsKnowGroups(t *testing.T) {
	before := build(t, groupsAndMore(t))
	if again := build(t, groupsAndMore(t)); again.Version != before.Version {
		t.Error("the same configuration has two versions")
	}
	for name, edit := range map[string]func(*translator.Resources){
		"a group's line":     func(r *translator.Resources) { r.Groups[0].Match[0].ID = "*edge" },
		"a group":            func(r *translator.Resources) { r.Groups = r.Groups[:2] },
		"a listener's group": func(r *translator.Resources) { r.GroupsOf["edge"] = []string{"unused"} },
		"metadata":           func(r *translator.Resources) { r.Groups[0].Match[0].Metadata = map[string]any{"a": int64(1)} },
	} {
		r := groupsAndMore(t)
		edit(&r)
		after := build(t, r)
		if after.Version == before.Version {
			t.Errorf("%s: the version is the same", name)
		}
		if diff := cmp.Diff(before.Versions, after.Versions); diff != "" {
			t.Errorf("%s: the versions of types have changed:\n%s", name, diff)
		}
	}
}

func TestAViewWithoutGroupsIsWhatIsNeeded(t *testing.T) {
	r := services(t, 2)
	r.GroupsOf = map[string][]string{}
	s := build(t, r)
	v := s.View(nil)
	if v.Set(resourcev3.ClusterType) != s.View(id("edge")).Set(resourcev3.ClusterType) || v.Set(resourcev3.ClusterType).Len() != 2 {
		t.Error("without groups nodes have different views, or not all clusters")
	}
	r.Routes[0].VirtualHosts = r.Routes[0].VirtualHosts[:1]
	if got := all(build(t, r).View(nil))["clusters"]; got != "service-00000" {
		t.Errorf("clusters %q, want the one that a route leads to", got)
	}
	r.GroupsOf = nil
	if got := all(build(t, r).View(nil))["clusters"]; got != "service-00000 service-00001" {
		t.Errorf("clusters %q where nothing is to be chosen, want all", got)
	}
}

// Every way in which a resource may name another.
func TestNeeds(t *testing.T) {
	grpc := func(name string) *corev3.GrpcService {
		return &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: name}}}
	}
	for _, c := range []struct {
		name string
		edit func(r *translator.Resources)
		want []snapshot.Ref // of the listener, or of its routes
	}{
		{
			"weights and a mirror",
			func(r *translator.Resources) {
				a := r.Routes[0].VirtualHosts[0].Routes[0].GetRoute()
				a.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
					Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "b"}, {Name: "a"}, {Name: "b"}},
				}}
				a.RequestMirrorPolicies = []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "shadow"}}
			},
			[]snapshot.Ref{{Type: resourcev3.ClusterType, Name: "a"}, {Type: resourcev3.ClusterType, Name: "b"}, {Type: resourcev3.ClusterType, Name: "shadow"}},
		},
		{
			"a cluster that the request names",
			func(r *translator.Resources) {
				r.Routes[0].VirtualHosts[0].Routes[0].GetRoute().ClusterSpecifier = &routev3.RouteAction_ClusterHeader{ClusterHeader: "x-to"}
			},
			nil,
		},
		{
			"an access log",
			func(r *translator.Resources) {
				r.Routes = nil
				m := manager(t, "http")
				m.AccessLog = []*accesslogv3.AccessLog{{
					Name: "grpc",
					ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(t, &grpclogv3.HttpGrpcAccessLogConfig{
						CommonConfig: &grpclogv3.CommonGrpcAccessLogConfig{LogName: "x", GrpcService: grpc("logs")},
					})},
				}}
				r.Listeners[0].FilterChains[0].Filters[0] = hcm(t, m)
			},
			[]snapshot.Ref{{Type: resourcev3.ClusterType, Name: "logs"}, {Type: resourcev3.RouteType, Name: "http"}},
		},
		{
			"a TCP proxy",
			func(r *translator.Resources) {
				r.Routes = nil
				r.Listeners[0].FilterChains[0].Filters[0].ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: pack(t, &tcpproxyv3.TcpProxy{
					StatPrefix: "x",
					ClusterSpecifier: &tcpproxyv3.TcpProxy_WeightedClusters{WeightedClusters: &tcpproxyv3.TcpProxy_WeightedCluster{
						Clusters: []*tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight{{Name: "one", Weight: 1}},
					}},
				})}
				r.Listeners[0].DefaultFilterChain = &listenerv3.FilterChain{Filters: []*listenerv3.Filter{{
					Name: "tcp",
					ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(t, &tcpproxyv3.TcpProxy{
						StatPrefix: "x", ClusterSpecifier: &tcpproxyv3.TcpProxy_Cluster{Cluster: "two"},
					})},
				}}}
			},
			[]snapshot.Ref{{Type: resourcev3.ClusterType, Name: "one"}, {Type: resourcev3.ClusterType, Name: "two"}},
		},
		{
			"secrets that do not come from here, and how the rest comes",
			func(r *translator.Resources) {
				r.Routes = nil
				m := manager(t, "http")
				m.GetRds().ConfigSource.ConfigSourceSpecifier = &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
					ApiType: corev3.ApiConfigSource_GRPC, GrpcServices: []*corev3.GrpcService{grpc("xds_cluster")},
				}}
				r.Listeners[0].FilterChains[0].Filters[0] = hcm(t, m)
				file := sdsConfig("file")
				file.SdsConfig.ConfigSourceSpecifier = &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{Path: "/x"}}
				r.Listeners[0].FilterChains[0].TransportSocket = socket(t, &tlsv3.DownstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
					TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: "bootstrap"}, file, sdsConfig("ours")},
				}})
			},
			[]snapshot.Ref{{Type: resourcev3.SecretType, Name: "ours"}, {Type: resourcev3.RouteType, Name: "http"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := services(t, 1)
			c.edit(&r)
			v := build(t, r).View(nil)
			subject := v.Set(resourcev3.RouteType).Get("http")
			if len(r.Routes) == 0 {
				subject = v.Set(resourcev3.ListenerType).Get("http")
			}
			slices.SortFunc(c.want, func(a, b snapshot.Ref) int { return strings.Compare(a.Type+a.Name, b.Type+b.Name) })
			if diff := cmp.Diff(c.want, subject.Needs); diff != "" {
				t.Errorf("Needs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsForgRPCClientsIsOnDemand(t *testing.T) {
	r := services(t, 1)
	api := listener(t, "grpc-service", 0)
	api.Address = nil
	api.ApiListener = &listenerv3.ApiListener{ApiListener: api.GetFilterChains()[0].GetFilters()[0].GetTypedConfig()}
	api.FilterChains = nil
	r.Listeners = append(r.Listeners, api)
	r.Routes = append(r.Routes, &routev3.RouteConfiguration{Name: "grpc-service", VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{route("grpc-cluster")},
	}}})
	r.Clusters = append(r.Clusters, cluster(t, "grpc-cluster"))
	behind(t, &r, "tls", 1)
	r.GroupsOf = map[string][]string{}
	v := build(t, r).View(id("anybody"))
	onDemand := map[string]bool{}
	for _, typeURL := range []string{resourcev3.ListenerType, resourcev3.ClusterType, resourcev3.SecretType} {
		for r := range v.Set(typeURL).All() {
			onDemand[r.Name] = r.OnDemand
		}
	}
	want := map[string]bool{
		"http": false, "tls": false, "service-00000": false, "tls-service": false, "grpc-cluster": false,
		"grpc-service": true, "tls-cert": true, "tls-ca": true,
	}
	if diff := cmp.Diff(want, onDemand); diff != "" {
		t.Errorf("on demand (-want +got):\n%s", diff)
	}
}
