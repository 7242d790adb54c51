package snapshot_test

import (
	"errors"
	"strings"
	"testing"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"dragoman/snapshot"
	"dragoman/translator"
)

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func TestCheckAcceptsWhatHangsTogether(t *testing.T) {
	r := services(t, 3)
	// Clusters that discover their endpoints, by their own and by another name.
	own, other := cluster(t, "eds"), cluster(t, "eds-too")
	own.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	other.ClusterDiscoveryType = own.GetClusterDiscoveryType()
	other.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{ServiceName: "service-00000"}
	r.Clusters = append(r.Clusters, own, other)
	r.Endpoints = append(r.Endpoints, assignment("eds"))
	// Ports that the kernel chooses, and one port on two addresses.
	for _, name := range []string{"any", "any-too"} {
		r.Listeners = append(r.Listeners, listener(t, name, 0))
		r.Routes = append(r.Routes, &routev3.RouteConfiguration{Name: name})
	}
	local := listener(t, "http", 10000)
	local.Name, local.Address = "local", address("127.0.0.1", 10000)
	r.Listeners = append(r.Listeners, local)
	if err := build(t, r).Check(); err != nil {
		t.Error(err)
	}
	if err := build(t, translator.Resources{}).Check(); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	action := func(r *translator.Resources) *routev3.RouteAction {
		return r.Routes[0].VirtualHosts[0].Routes[0].GetRoute()
	}
	edited := func(edit func(*hcmv3.HttpConnectionManager)) func(*translator.Resources) {
		return func(r *translator.Resources) {
			m := manager(t, "http")
			edit(m)
			r.Listeners[0].FilterChains[0].Filters[0] = hcm(t, m)
		}
	}
	for _, c := range []struct {
		name string
		edit func(*translator.Resources)
		want string // the errors, one a line
	}{
		{
			"a route configuration that does not exist",
			func(r *translator.Resources) { r.Routes[0].Name = "https" },
			`listener "http": route configuration "http" does not exist` + "\n" +
				`route configuration "https": no listener refers to it`,
		},
		{
			"a secret that does not exist",
			func(r *translator.Resources) {
				r.Listeners[0].FilterChains[0].TransportSocket = terminating(t, "a")
				r.Secrets = []*tlsv3.Secret{{Name: "b"}}
			},
			`listener "http": secret "a" does not exist`,
		},
		{
			"in the default filter chain",
			func(r *translator.Resources) {
				r.Listeners[0].DefaultFilterChain = &listenerv3.FilterChain{
					Filters: []*listenerv3.Filter{hcm(t, manager(t, "nowhere"))},
				}
			},
			`listener "http": route configuration "nowhere" does not exist`,
		},
		{
			"a cluster",
			func(r *translator.Resources) { r.Clusters = r.Clusters[1:] },
			`route configuration "http": cluster "service-00000" does not exist`,
		},
		{
			"one of weighted clusters",
			func(r *translator.Resources) {
				action(r).ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
					Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "service-00000"}, {Name: "gone"}},
				}}
			},
			`route configuration "http": cluster "gone" does not exist`,
		},
		{
			"a mirror",
			func(r *translator.Resources) {
				action(r).RequestMirrorPolicies = []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "shadow"}}
			},
			`route configuration "http": cluster "shadow" does not exist`,
		},
		{
			"endpoints",
			func(r *translator.Resources) {
				r.Clusters[0].ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
				r.Endpoints = r.Endpoints[1:]
			},
			`cluster "service-00000": cluster load assignment "service-00000" does not exist`,
		},
		{
			"one address twice",
			func(r *translator.Resources) {
				second := listener(t, "http", 10000)
				second.Name = "second"
				r.Listeners = append(r.Listeners, second)
			},
			`listener "second": listener "http" has the same address, TCP 0.0.0.0 port 10000`,
		},
		{
			"one address twice in one group",
			func(r *translator.Resources) {
				second := listener(t, "http", 10000)
				second.Name = "second"
				r.Listeners = append(r.Listeners, second)
				r.GroupsOf = map[string][]string{"http": {"edge", "web"}, "second": {"mesh", "web"}}
			},
			`listener "second": listener "http" has the same address, TCP 0.0.0.0 port 10000`,
		},
		{
			"one address in a group and everywhere",
			func(r *translator.Resources) {
				second := listener(t, "http", 10000)
				second.Name = "second"
				r.Listeners = append(r.Listeners, second)
				r.GroupsOf = map[string][]string{"http": {"edge"}}
			},
			`listener "second": listener "http" has the same address, TCP 0.0.0.0 port 10000`,
		},
		{
			"a secret",
			func(r *translator.Resources) {
				behind(t, r, "tls", 10001)
				r.Secrets = r.Secrets[1:]
			},
			`listener "tls": secret "tls-cert" does not exist`,
		},
		{
			"one address in two spellings",
			func(r *translator.Resources) {
				r.Listeners[0].Address = address("::1", 80)
				second := listener(t, "http", 10000)
				second.Name = "second"
				second.AdditionalAddresses = []*listenerv3.AdditionalAddress{{Address: address("0:0::1", 80)}}
				r.Listeners = append(r.Listeners, second)
			},
			`listener "second": listener "http" has the same address, TCP ::1 port 80`,
		},
		{
			"a constraint of a resource",
			func(r *translator.Resources) { r.Clusters[0].ConnectTimeout = durationpb.New(-1) },
			`cluster "service-00000": invalid Cluster.ConnectTimeout: value must be greater than 0s`,
		},
		{
			"a constraint of what is packed",
			edited(func(m *hcmv3.HttpConnectionManager) { m.StatPrefix = "" }),
			`listener "http": invalid HttpConnectionManager.StatPrefix: value length must be at least 1 runes`,
		},
		{
			"a constraint of what is packed in what is packed",
			edited(func(m *hcmv3.HttpConnectionManager) {
				m.AccessLog = []*accesslogv3.AccessLog{{
					Name:       "file",
					ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(t, &filev3.FileAccessLog{})},
				}}
			}),
			`listener "http": invalid FileAccessLog.Path: value length must be at least 1 runes`,
		},
		{
			"what is packed alike in two resources",
			func(r *translator.Resources) {
				second := listener(t, "http", 10001)
				second.Name = "second"
				r.Listeners = append(r.Listeners, second)
				r.Routes[0].Name = "https"
			},
			`listener "http": route configuration "http" does not exist` + "\n" +
				`listener "second": route configuration "http" does not exist` + "\n" +
				`route configuration "https": no listener refers to it`,
		},
		{
			"something unknown in a map",
			func(r *translator.Resources) {
				r.Routes[0].TypedPerFilterConfig = map[string]*anypb.Any{"x": {TypeUrl: "type.googleapis.com/no.such.Message"}}
			},
			`route configuration "http": type.googleapis.com/no.such.Message: proto: not found`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := services(t, 3)
			c.edit(&r)
			err := build(t, r).Check()
			if _, ok := errors.AsType[snapshot.Faults](err); !ok || err.Error() != c.want {
				t.Errorf("Check:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

// An Envoy that wants everything is not sent keys.
func TestSecretsAreOnDemand(t *testing.T) {
	r := services(t, 1)
	r.Listeners[0].FilterChains[0].TransportSocket = terminating(t, "a")
	r.Secrets = []*tlsv3.Secret{{Name: "a"}}
	snap := build(t, r)
	if err := snap.Check(); err != nil {
		t.Error(err)
	}
	view := snap.View(nil)
	if s := view.Set(resourcev3.SecretType).Get("a"); s == nil || !s.OnDemand {
		t.Errorf("the secret is %+v, want it on demand", s)
	}
	if l := view.Set(resourcev3.ListenerType).Get("http"); l == nil || l.OnDemand {
		t.Errorf("the listener is %+v, want it for everybody", l)
	}
}
