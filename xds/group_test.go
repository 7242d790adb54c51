package xds_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"

	"dragoman/internal/envoytest"
	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// inGroups has for each group a listener with a certificate, and routes to a
// cluster with endpoints by EDS, all of the group's name. The groups are of the
// nodes named.
func inGroups(t *testing.T, nodes map[string]string) translator.Resources {
	t.Helper()
	r := translator.Resources{GroupsOf: map[string][]string{}}
	for _, group := range []string{"edge", "mesh"} {
		l := listener(t, group, 0)
		l.FilterChains[0].TransportSocket = &corev3.TransportSocket{
			Name: "tls",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(t, &tlsv3.DownstreamTlsContext{
				CommonTlsContext: &tlsv3.CommonTlsContext{TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{
					Name: group,
					SdsConfig: &corev3.ConfigSource{
						ResourceApiVersion:    corev3.ApiVersion_V3,
						ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
					},
				}}},
			})},
		}
		c := cluster(group, 5*time.Second)
		c.ClusterDiscoveryType, c.LoadAssignment = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, nil
		routes := responds(group, "hello")
		routes.VirtualHosts[0].Routes[0].Action = &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: group},
		}}
		r.Listeners = append(r.Listeners, l)
		r.Routes = append(r.Routes, routes)
		r.Clusters = append(r.Clusters, c)
		r.Endpoints = append(r.Endpoints, &endpointv3.ClusterLoadAssignment{ClusterName: group})
		r.Secrets = append(r.Secrets, &tlsv3.Secret{Name: group})
		r.Groups = append(r.Groups, &model.Group{Name: group, Match: []model.NodeMatch{{ID: nodes[group]}}})
		r.GroupsOf[group] = []string{group}
	}
	r.Listeners = append(r.Listeners, listener(t, "shared", 0))
	r.Routes = append(r.Routes, responds("shared", "hello"))
	r.Clusters = append(r.Clusters, cluster("nobodys", 5*time.Second))
	r.Secrets = append(r.Secrets, &tlsv3.Secret{Name: "nobodys"})
	return r
}

// until takes what comes until there is something of a type, and returns the
// names of all else.
func (c *client) until(typeURL string) []string {
	c.t.Helper()
	var out []string
	for {
		r := c.next()
		c.take(r)
		if r.typeURL == typeURL {
			return out
		}
		out = append(out, r.names...)
	}
}

// A client that asks for everything there is, by every means, gets its view.
func TestAClientGetsNoMoreThanItsView(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(inGroups(t, map[string]string{"edge": "test-id", "mesh": "other"}))
			names := []string{"edge", "mesh", "nobodys", "shared"}
			both, own := []string{"edge", "shared"}, []string{"edge"}
			for typeURL, want := range map[string][]string{
				resourcev3.ListenerType: both, resourcev3.RouteType: both,
				resourcev3.ClusterType: own, resourcev3.EndpointType: own, resourcev3.SecretType: own,
			} {
				t.Run(typeURL, func(t *testing.T) {
					x := dialADS(t, s.conn, delta)
					x.ask(typeURL, names...)
					if got := x.next(); !slices.Equal(got.names, want) {
						t.Errorf("who names all gets %q, want %q", got.names, want)
					}
					for _, star := range [][]string{nil, {"*"}} {
						x := dialADS(t, s.conn, delta)
						x.ask(typeURL, star...)
						// There may be nothing for it: another type has an answer.
						x.ask(resourcev3.RuntimeType, "layer")
						if got := x.until(resourcev3.RuntimeType); slices.ContainsFunc(got, func(name string) bool { return !slices.Contains(want, name) }) {
							t.Errorf("who wants everything gets %q, want at most %q", got, want)
						}
					}
				})
			}
		})
	}
}

// An edit of the groups moves nodes whose streams are open.
func TestNodesMoveBetweenGroups(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(inGroups(t, map[string]string{"edge": "test-*", "mesh": "other"}))
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.ListenerType)
			x.take(x.want(resourcev3.ListenerType, "edge", "shared"))
			s.publish(inGroups(t, map[string]string{"edge": "other", "mesh": "test-?d"}))
			if !delta {
				x.want(resourcev3.ListenerType, "mesh", "shared")
				return
			}
			var added, removed []string
			for len(added) == 0 || len(removed) == 0 {
				r := x.next()
				x.take(r)
				added, removed = append(added, r.names...), append(removed, r.removed...)
			}
			if !slices.Equal(added, []string{"mesh"}) || !slices.Equal(removed, []string{"edge"}) {
				t.Errorf("added %q, removed %q, want mesh and edge", added, removed)
			}
		})
	}
}

// A stream that was let in is looked at again when its node gets something else.
func TestAnEditOfGroupsEndsAClaim(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			ca := envoytest.NewCA(t)
			s, _ := secured(t, ca, xds.Options{Authorize: func(_ []string, node *corev3.Node, snap *snapshot.Snapshot) error {
				if snap != nil && slices.Contains(snap.Groups(node), "mesh") {
					return errors.New("no")
				}
				return nil
			}})
			s.publish(inGroups(t, map[string]string{"edge": "test-id", "mesh": "other"}))
			x := dialADS(t, s.connect(as(ca, ca.Issue(t, "envoy"))), delta)
			x.ask(resourcev3.ListenerType)
			x.take(x.want(resourcev3.ListenerType, "edge", "shared"))
			s.publish(inGroups(t, map[string]string{"edge": "other", "mesh": "test-id"}))
			if got := x.end(); got.Code() != codes.PermissionDenied {
				t.Errorf("the stream ends with %v, want PermissionDenied", got)
			}
		})
	}
}
