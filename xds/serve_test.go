package xds_test

import (
	"fmt"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"dragoman/translator"
)

// Every service waits for the first snapshot and then has what ADS has.
func TestEveryService(t *testing.T) {
	const pkg = "/envoy.service."
	for _, c := range []struct {
		service, plural string
		typeURL         string
		ask, want       []string
	}{
		{"discovery.v3.AggregatedDiscoveryService", "AggregatedResources", resourcev3.ClusterType, nil, []string{"a", "b"}},
		{"cluster.v3.ClusterDiscoveryService", "Clusters", resourcev3.ClusterType, nil, []string{"a", "b"}},
		{"endpoint.v3.EndpointDiscoveryService", "Endpoints", resourcev3.EndpointType, []string{"b"}, []string{"b"}},
		{"listener.v3.ListenerDiscoveryService", "Listeners", resourcev3.ListenerType, []string{"*"}, []string{"http"}},
		{"route.v3.RouteDiscoveryService", "Routes", resourcev3.RouteType, []string{"http"}, []string{"http"}},
		{"route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", resourcev3.ScopedRouteType, nil, nil},
		{"route.v3.VirtualHostDiscoveryService", "VirtualHosts", resourcev3.VirtualHostType, nil, nil},
		{"runtime.v3.RuntimeDiscoveryService", "Runtime", resourcev3.RuntimeType, []string{"values"}, []string{"values"}},
		{"extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", resourcev3.ExtensionConfigType, nil, nil},
	} {
		t.Run(c.plural, func(t *testing.T) {
			for form, delta := range forms() {
				t.Run(form, func(t *testing.T) {
					s := run(t)
					form := "/Stream"
					if delta {
						form = "/Delta"
					}
					x := dial(t, s.conn, pkg+c.service+form+c.plural, delta)
					x.ask(c.typeURL, c.ask...)
					if c.typeURL == resourcev3.VirtualHostType && !delta {
						if got := x.end(); got.Code() != codes.Unimplemented {
							t.Errorf("VHDS, which has one form, ended with %v, want Unimplemented", got)
						}
						return
					}
					s.log.wait(t, "stream opened", 1) // the request is there before the snapshot
					r := some(t, "a", "b")
					r.Runtimes = append(r.Runtimes, layer(t, "values", nil))
					snap := s.publish(r)
					if got := x.want(c.typeURL, c.want...); got.version != snap.Versions[c.typeURL] {
						t.Errorf("version %q, want %q", got.version, snap.Versions[c.typeURL])
					}
				})
			}
		})
	}
}

// Of secrets there is no all: who does not name one gets none.
func TestSecretsHaveNoWildcard(t *testing.T) {
	for form, delta := range forms() {
		for _, names := range [][]string{nil, {"*"}} {
			t.Run(fmt.Sprint(form, names), func(t *testing.T) {
				s := run(t)
				s.publish(some(t, "a"))
				method := "StreamSecrets"
				if delta {
					method = "DeltaSecrets"
				}
				x := dial(t, s.conn, "/envoy.service.secret.v3.SecretDiscoveryService/"+method, delta)
				x.ask(resourcev3.SecretType, names...)
				s.log.wait(t, "stream opened", 1)
				x.ask("made.up") // ends the stream, with nothing before it
				x.end()
			})
		}
	}
}

// subscribe asks for all of a small configuration and takes it.
func subscribe(t *testing.T, x *client) {
	t.Helper()
	x.ask(resourcev3.ClusterType)
	x.take(x.next())
	x.ask(resourcev3.ListenerType)
	x.take(x.want(resourcev3.ListenerType, "http"))
	x.ask(resourcev3.RouteType, "http")
	x.take(x.want(resourcev3.RouteType, "http"))
}

func TestOnlyWhatChangedIsSent(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(some(t, "a", "b"))
			x := dialADS(t, s.conn, delta)
			subscribe(t, x)

			s.publish(some(t, "a", "b")) // the same: nothing is sent
			edited := some(t, "a", "b")
			edited.Routes[0] = responds("http", "changed")
			s.publish(edited)
			x.take(x.want(resourcev3.RouteType, "http"))

			edited.Clusters[1] = cluster("b", time.Second)
			s.publish(edited)
			want := []string{"a", "b"}
			if delta {
				want = []string{"b"}
			}
			x.take(x.want(resourcev3.ClusterType, want...))

			fewer := edited
			fewer.Clusters = edited.Clusters[:1]
			s.publish(fewer)
			if delta {
				got := x.want(resourcev3.ClusterType)
				if diff := cmp.Diff([]string{"b"}, got.removed); diff != "" {
					t.Errorf("removed (-want +got):\n%s", diff)
				}
				return
			}
			x.want(resourcev3.ClusterType, "a")
		})
	}
}

// A client that no longer wants anything of a type is not sent everything.
func TestUnsubscribe(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			s := run(t)
			s.publish(some(t, "a"))
			x := dialADS(t, s.conn, delta)
			x.ask(resourcev3.RouteType, "http")
			r := x.want(resourcev3.RouteType, "http")
			x.take(r)
			x.again(r) // no names
			x.ask(resourcev3.ClusterType)
			x.take(x.want(resourcev3.ClusterType, "a"))

			edited := some(t, "a", "b")
			edited.Routes[0] = responds("http", "changed")
			s.publish(edited)
			all := []string{"a", "b"}
			if delta {
				all = []string{"b"}
			}
			x.want(resourcev3.ClusterType, all...)
			x.again(r, "http")
			x.want(resourcev3.RouteType, "http")
		})
	}
}

func TestUnknownTypesAreRefused(t *testing.T) {
	const rds = "/envoy.service.route.v3.RouteDiscoveryService/"
	for _, c := range []struct {
		name, sotw, delta string
		typeURL           string
	}{
		{"made up", ads + "StreamAggregatedResources", ads + "DeltaAggregatedResources", "type.googleapis.com/made.up"},
		{"none", ads + "StreamAggregatedResources", ads + "DeltaAggregatedResources", ""},
		{"of another service", rds + "StreamRoutes", rds + "DeltaRoutes", resourcev3.SecretType},
	} {
		t.Run(c.name, func(t *testing.T) {
			for form, delta := range forms() {
				t.Run(form, func(t *testing.T) {
					s := run(t)
					s.publish(translator.Resources{})
					method := c.sotw
					if delta {
						method = c.delta
					}
					x := dial(t, s.conn, method, delta)
					x.ask(c.typeURL)
					if got := x.end(); got.Code() != codes.InvalidArgument {
						t.Errorf("the stream ended with %v, want InvalidArgument", got)
					}
				})
			}
		})
	}
}
