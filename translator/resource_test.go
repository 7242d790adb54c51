package translator_test

import (
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"dragoman/model"
	"dragoman/translator"
)

func TestCluster(t *testing.T) {
	u := &model.Upstream{
		Discovery: model.LogicalDNS, Endpoints: []model.Endpoint{{Host: "www.envoyproxy.io", Port: 80}},
		ConnectTimeout: 5 * time.Second,
	}
	want := `{
		"name": "example_cluster", "type": "LOGICAL_DNS", "connectTimeout": "5s", "perConnectionBufferLimitBytes": 32768,
		"dnsLookupFamily": "V4_ONLY", "lbPolicy": "ROUND_ROBIN",
		"loadAssignment": {"clusterName": "example_cluster", "endpoints": [{"locality": {}, "loadBalancingWeight": 1, "lbEndpoints": [{"endpoint": {
			"hostname": "www.envoyproxy.io", "address": {"socketAddress": {"address": "www.envoyproxy.io", "portValue": 80}}
		}}]}]},
		"typedDnsResolverConfig": {
			"name": "envoy.network.dns_resolver.cares",
			"typedConfig": {
				"@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
				"queryTimeoutSeconds": "1", "queryTries": 1
			}
		},
		"metadata": {"filterMetadata": {"dragoman": {"service": "example_cluster"}}}
	}`
	r := translate(t, config(service("example_cluster", u)))
	if diff := compare(t, want, r.Clusters[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(r.Endpoints) != 0 {
		t.Errorf("a cluster of names has endpoints of its own: %v", r.Endpoints)
	}
}

// What is edited often stands in what is cheap to change.
func TestAnotherEndpointLeavesTheClusterAlone(t *testing.T) {
	u := &model.Upstream{Endpoints: []model.Endpoint{{Host: "10.0.0.1", Port: 80}}, ConnectTimeout: time.Second}
	before := translate(t, config(service("s", u)))
	u.Endpoints = append(u.Endpoints, model.Endpoint{Host: "10.0.0.2", Port: 81, Weight: 3})
	after := translate(t, config(service("s", u)))
	if diff := cmp.Diff(before.Clusters, after.Clusters, protocmp.Transform()); diff != "" {
		t.Errorf("the cluster has changed: (-before +after)\n%s", diff)
	}
	want := `{"clusterName": "s", "endpoints": [{"locality": {}, "loadBalancingWeight": 4, "lbEndpoints": [
		{"endpoint": {"hostname": "10.0.0.1", "address": {"socketAddress": {"address": "10.0.0.1", "portValue": 80}}}},
		{"endpoint": {"hostname": "10.0.0.2", "address": {"socketAddress": {"address": "10.0.0.2", "portValue": 81}}}, "loadBalancingWeight": 3}
	]}]}`
	if diff := compare(t, want, after.Endpoints[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestUpstreamTLS(t *testing.T) {
	endpoints := func(hosts ...string) (out []model.Endpoint) {
		for _, h := range hosts {
			out = append(out, model.Endpoint{Host: h, Port: 443})
		}
		return out
	}
	tests := []struct {
		name      string
		endpoints []model.Endpoint
		roots     string
		want      string // beside what all have
		sans      string
	}{
		{"name", endpoints("a.test"), "", `"sni": "a.test"`, `{"sanType": "DNS", "matcher": {"exact": "a.test"}}`},
		{"one name twice", endpoints("a.test", "a.test"), "/my/roots.pem", `"sni": "a.test"`, `{"sanType": "DNS", "matcher": {"exact": "a.test"}}`},
		{"names", endpoints("b.test", "a.test"), "", `"autoHostSni": true, "autoSniSanValidation": true`, ``},
		{"address", endpoints("10.0.0.1"), "", `"sni": ""`, `{"sanType": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}}`},
		{
			"name and address", endpoints("a.test", "::1"), "", `"autoHostSni": true`,
			`{"sanType": "DNS", "matcher": {"exact": "a.test"}}, {"sanType": "IP_ADDRESS", "matcher": {"exact": "::1"}}`,
		},
	}
	for _, tt := range tests {
		roots := tt.roots
		if roots == "" {
			roots = "/etc/ssl/certs/ca-certificates.crt"
		}
		want := `{"commonTlsContext": {"tlsParams": {"tlsMaximumProtocolVersion": "TLSv1_3"}, "validationContext": {
			"trustedCa": {"filename": "` + roots + `"}, "matchTypedSubjectAltNames": [` + tt.sans + `]}}, ` + tt.want + `}`
		cfg := config(service("s", &model.Upstream{
			TLS: true, Protocol: model.HTTPAuto, Discovery: model.StrictDNS, Endpoints: tt.endpoints, ConnectTimeout: time.Second,
		}))
		r, problems := translator.Translate(cfg, translator.Options{SystemRoots: tt.roots})
		if len(problems) > 0 {
			t.Fatalf("%s: %+v", tt.name, problems)
		}
		got := new(tlsv3.UpstreamTlsContext)
		if err := r.Clusters[0].GetTransportSocket().GetTypedConfig().UnmarshalTo(got); err != nil {
			t.Fatal(err)
		}
		if diff := compare(t, want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestListener(t *testing.T) {
	cfg := config()
	cfg.Listeners["http"] = &model.Listener{Name: "http", Address: "0.0.0.0", Port: 10000, TrustedHops: 2}
	l := translate(t, cfg).Listeners[0]
	got := new(hcmv3.HttpConnectionManager)
	if err := l.GetFilterChains()[0].GetFilters()[0].GetTypedConfig().UnmarshalTo(got); err != nil {
		t.Fatal(err)
	}
	want := `{
		"statPrefix": "http", "codecType": "AUTO",
		"rds": {"routeConfigName": "http", "configSource": {"ads": {}, "resourceApiVersion": "V3"}},
		"httpFilters": [
			{"name": "envoy.filters.http.set_filter_state", "disabled": true, "typedConfig": {
				"@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config"}},
			{"name": "envoy.filters.http.router", "typedConfig": {
				"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
		],
		"useRemoteAddress": true, "xffNumTrustedHops": 2,
		"commonHttpProtocolOptions": {"idleTimeout": "3600s", "headersWithUnderscoresAction": "REJECT_REQUEST"},
		"http2ProtocolOptions": {
			"maxConcurrentStreams": 100, "initialStreamWindowSize": 65536, "initialConnectionWindowSize": 1048576, "allowConnect": true
		},
		"streamIdleTimeout": "300s", "requestTimeout": "300s",
		"normalizePath": true, "mergeSlashes": true, "pathWithEscapedSlashesAction": "UNESCAPE_AND_REDIRECT"
	}`
	if diff := compare(t, want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	l.FilterChains = nil
	want = `{"name": "http", "address": {"socketAddress": {"address": "0.0.0.0", "portValue": 10000}}, "perConnectionBufferLimitBytes": 32768}`
	if diff := compare(t, want, l); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStatic(t *testing.T) {
	u := &model.Upstream{Endpoints: []model.Endpoint{{Host: "10.0.0.1", Port: 80}}, ConnectTimeout: time.Second}
	r := translate(t, config(service("cart", u, model.Route{Match: prefix("/"), Action: &model.Respond{Status: 200}})))
	r.Listeners = append(r.Listeners, &listenerv3.Listener{Name: "rpc", ApiListener: new(listenerv3.ApiListener)})
	before := encode(t, r)
	b, err := translator.Static(r, "[::1]:19000")
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(encode(t, r)) {
		t.Error("Static has changed its input")
	}
	if diff := compare(t, `{"address": {"socketAddress": {"address": "::1", "portValue": 19000}}}`, b.GetAdmin()); diff != "" {
		t.Errorf("admin (-want +got)\n%s", diff)
	}
	if n := len(b.GetStaticResources().GetListeners()); n != 1 {
		t.Errorf("there are %d listeners, want one: Envoy has no use for a gRPC client's", n)
	}
	manager := new(hcmv3.HttpConnectionManager)
	if err := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(manager.GetRouteConfig(), r.Routes[0]) {
		t.Errorf("the listener has %v, want the routes %v", manager.GetRouteConfig(), r.Routes[0])
	}
	c := b.GetStaticResources().GetClusters()[0]
	if c.GetType() != clusterv3.Cluster_STATIC || c.GetEdsClusterConfig() != nil || !proto.Equal(c.GetLoadAssignment(), r.Endpoints[0]) {
		t.Errorf("the cluster is %v, want a static one with %v", c, r.Endpoints[0])
	}
	if b.GetLayeredRuntime() != nil {
		t.Errorf("without runtimes there are layers: %v", b.GetLayeredRuntime())
	}
	if b, err := translator.Static(r, ""); err != nil || b.GetAdmin() != nil {
		t.Errorf("without an admin address: %v, %v", b.GetAdmin(), err)
	}
	for admin, want := range map[string]string{"localhost": "missing port", "localhost:http": "invalid syntax", "localhost:70000": "out of range"} {
		if _, err := translator.Static(r, admin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("admin %q: %v, want %s", admin, err, want)
		}
	}
	without := r
	without.Endpoints = nil
	if _, err := translator.Static(without, ""); err == nil || !strings.Contains(err.Error(), `no endpoints named "cart"`) {
		t.Errorf("without endpoints: %v", err)
	}
	r.Routes = nil
	if _, err := translator.Static(r, ""); err == nil || !strings.Contains(err.Error(), `no routes named "http"`) {
		t.Errorf("without routes: %v", err)
	}
}
