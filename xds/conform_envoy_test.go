package xds_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/internal/envoytest"
	"dragoman/translator"
	"dragoman/xds"
)

// transport is one of the four ways in which an Envoy gets its configuration.
type transport struct {
	ads   bool
	delta bool
}

// source is what a resource says of where another comes from.
func (p transport) source() *corev3.ConfigSource {
	if p.ads {
		return adsSource()
	}
	api := corev3.ApiConfigSource_GRPC
	if p.delta {
		api = corev3.ApiConfigSource_DELTA_GRPC
	}
	return &corev3.ConfigSource{
		ResourceApiVersion: corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType: api, TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: "xds_cluster"},
			}}},
		}},
	}
}

// bootstrap is Envoy's, in YAML.
func (p transport) bootstrap(address string) string {
	host, port, _ := net.SplitHostPort(address)
	api := map[bool]string{false: "GRPC", true: "DELTA_GRPC"}[p.delta]
	grpc := fmt.Sprintf("{api_type: %s, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds_cluster}}]}", api)
	source, ads := "api_config_source: "+grpc, ""
	if p.ads {
		source, ads = "ads: {}", "\n  ads_config: "+grpc
	}
	return fmt.Sprintf(`
node: {id: conform, cluster: conform}
dynamic_resources:%s
  cds_config: {resource_api_version: V3, %s}
  lds_config: {resource_api_version: V3, %s}
static_resources:
  clusters:
    - name: xds_cluster
      type: STATIC
      connect_timeout: 3s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
      load_assignment:
        cluster_name: xds_cluster
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
`, ads, source, source, host, port)
}

// resources are those of a text, with a source and listeners that Envoy takes,
// whose routes are those of their name.
func (p transport) resources(t *testing.T, text string) translator.Resources {
	t.Helper()
	r := worldOf(text)
	for _, c := range r.Clusters {
		if c.GetType() == clusterv3.Cluster_EDS {
			c.EdsClusterConfig.EdsConfig = p.source()
		}
	}
	for i, l := range r.Listeners {
		manager := &hcmv3.HttpConnectionManager{
			StatPrefix:     l.GetStatPrefix(),
			RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: l.GetName(), ConfigSource: p.source()}},
			HttpFilters: []*hcmv3.HttpFilter{{
				Name:       "envoy.filters.http.router",
				ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(t, &routerv3.Router{})},
			}},
		}
		r.Listeners[i] = &listenerv3.Listener{
			Name: l.GetName(), StatPrefix: l.GetStatPrefix(),
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{},
			}}},
			FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
				Name:       "envoy.filters.network.http_connection_manager",
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: anyOf(t, manager)},
			}}}},
		}
	}
	return r
}

// dump returns what came by xDS in a config dump, by section and name, without
// what the transports may differ in: versions, times and sources.
func dump(t *testing.T, e *envoytest.Envoy) map[string]any {
	t.Helper()
	var page struct{ Configs []map[string]any }
	if err := json.Unmarshal(e.ConfigDump(t, "include_eds"), &page); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, section := range page.Configs {
		for key, all := range section {
			items, ok := all.([]any)
			if !ok || !strings.HasPrefix(key, "dynamic_") {
				continue
			}
			for _, item := range items {
				strip(item)
				if text, _ := json.Marshal(item); !strings.Contains(string(text), `"xds_cluster"`) {
					out[key+" "+string(text)] = true
				}
			}
		}
	}
	return out
}

// strip removes what is not compared, at every depth.
func strip(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			strip(item)
		}
	case map[string]any:
		for _, key := range []string{"version_info", "last_updated", "config_source", "eds_config"} {
			delete(v, key)
		}
		for _, item := range v {
			strip(item)
		}
	}
}

// An Envoy that gets everything on one stream and one that opens a stream for
// each type, and each name, in both forms, come to the same configuration: at
// the start, and by every change.
func TestConformEnvoysOfEveryTransport(t *testing.T) {
	transports := map[string]transport{
		"ADS": {ads: true}, "delta ADS": {ads: true, delta: true}, "streams": {}, "delta streams": {delta: true},
	}
	servers, envoys := map[string]*subject{}, map[string]*envoytest.Envoy{}
	for name, p := range transports {
		servers[name] = serve(t, quick())
		envoys[name] = envoytest.Start(t, envoytest.Options{
			Bootstrap: p.bootstrap(servers[name].addr),
			Args:      []string{"--drain-time-s", "1"}, // a removed listener is in the dump until then
		})
	}
	for _, step := range []struct {
		text  string
		count int // of what came by xDS: clusters, load assignments, listeners and route configurations
	}{
		{"cds c1=1 eds-a=1; eds eds-a=1; lds x=1; rds x=1", 2 + 2 + 1 + 1},
		{"cds c1=1 eds-a=1; eds eds-a=2; lds x=1; rds x=1", 6},
		{"cds c1=1 eds-a=2; eds eds-a=2; lds x=1; rds x=1", 6},
		{"cds c2=1 eds-a=2 eds-b=1; eds eds-a=2 eds-b=1; lds x=1 y=1; rds x=2 y=2", 3 + 3 + 2 + 2},
		{"cds c2=1; lds x=2 y=1; rds x=2 y=2", 1 + 1 + 2 + 2},
		{"cds c2=1; lds y=1; rds y=2", 1 + 1 + 1 + 1},
	} {
		for name, p := range transports {
			servers[name].give(p.resources(t, step.text))
		}
		// Each thing that an Envoy misses would cost 15 s.
		envoytest.Eventually(t, 12*time.Second, step.text, func() error { return alike(t, envoys, step.count) })
	}
	for name, s := range servers {
		if n := s.count(xds.Refused); n > 0 {
			t.Errorf("%s has refused %d responses", name, n)
		}
	}
}

// alike compares all dumps, which have so many resources.
func alike(t *testing.T, envoys map[string]*envoytest.Envoy, count int) error {
	t.Helper()
	want := dump(t, envoys["ADS"])
	if len(want) != count {
		return fmt.Errorf("ADS: %d resources, want %d: %s", len(want), count, strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
	for name, e := range envoys {
		if diff := cmp.Diff(want, dump(t, e)); diff != "" {
			return fmt.Errorf("%s (-ADS +it):\n%s", name, diff)
		}
	}
	return nil
}
