package xds_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/internal/envoytest"
	"dragoman/snapshot"
	"dragoman/xds"
)

// named lets nodes be whom their certificate names.
func named(identity []string, node *corev3.Node, _ *snapshot.Snapshot) error {
	if node.GetCluster() == "test-cluster" && node.GetMetadata() == nil && slices.Contains(identity, "spiffe://test/"+node.GetId()) {
		return nil
	}
	return errors.New("no")
}

func TestSomebodyElsesNode(t *testing.T) {
	for form, delta := range forms() {
		t.Run(form, func(t *testing.T) {
			ca := envoytest.NewCA(t)
			s, _ := secured(t, ca, xds.Options{Authorize: named})
			s.publish(some(t, "a"))
			good := dialADS(t, s.connect(as(ca, ca.Issue(t, "spiffe://test/test-id"))), delta)
			good.ask(resourcev3.ClusterType)
			good.take(good.want(resourcev3.ClusterType, "a"))

			thief := dialADS(t, s.connect(as(ca, ca.Issue(t, "spiffe://test/other", "other.test"))), delta)
			thief.ask(resourcev3.ClusterType)
			if got := thief.end(); got.Code() != codes.PermissionDenied || got.Message() != "no" {
				t.Errorf("somebody else's node id: %v, want PermissionDenied and the reason", got)
			}
			refused := s.log.wait(t, "node refused", 1)[0]
			identity := fmt.Sprint(refused["identity"])
			if refused["level"] != "WARN" || identity != "[spiffe://test/other other.test]" ||
				refused["claimed"] != "test-id" || refused["claimed_cluster"] != "test-cluster" || refused["error"] != "no" || refused["refusals"] != 1.0 {
				t.Errorf("the log has %v, want who claimed what, why not, and how many", refused)
			}
			if opened := s.log.entries(t, "stream opened"); len(opened) != 1 {
				t.Errorf("%d streams are logged as open, want that of the good one", len(opened))
			}

			s.publish(some(t, "a", "b"))
			if !delta {
				good.want(resourcev3.ClusterType, "a", "b")
				return
			}
			good.want(resourcev3.ClusterType, "b")
		})
	}
}

// A stream that was let in as one node is asked again when it is another, also
// if only the cluster or the metadata differ, and not when it says nothing.
func TestAnotherNodeLater(t *testing.T) {
	for form, delta := range forms() {
		for _, node := range []*corev3.Node{{Id: "other", Cluster: "test-cluster"}, {Id: "test-id", Cluster: "other"}, {Id: "test-id", Cluster: "test-cluster", Metadata: &structpb.Struct{}}, {}} {
			t.Run(form+" "+node.String(), func(t *testing.T) {
				ca := envoytest.NewCA(t)
				s, _ := secured(t, ca, xds.Options{Authorize: named})
				s.publish(some(t, "a"))
				x := dialADS(t, s.connect(as(ca, ca.Issue(t, "spiffe://test/test-id"))), delta)
				x.ask(resourcev3.ClusterType)
				x.take(x.want(resourcev3.ClusterType, "a"))
				x.ask(resourcev3.ListenerType) // no node
				x.take(x.want(resourcev3.ListenerType, "http"))
				x.node = &corev3.Node{Id: "test-id", Cluster: "test-cluster"}
				x.ask(resourcev3.RouteType, "http") // the same
				x.take(x.want(resourcev3.RouteType, "http"))
				x.node = node
				x.ask(resourcev3.EndpointType, "a")
				if got := x.end(); got.Code() != codes.PermissionDenied {
					t.Errorf("another node: %v, want PermissionDenied", got)
				}
			})
		}
	}
}

// A first request without a node is a claim too, on every service.
func TestNoNodeIsNobody(t *testing.T) {
	ca := envoytest.NewCA(t)
	s, _ := secured(t, ca, xds.Options{Authorize: named})
	s.publish(some(t, "a"))
	conn := s.connect(as(ca, ca.Issue(t, "spiffe://test/test-id")))
	for _, method := range []string{ads + "DeltaAggregatedResources", "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets"} {
		x := dial(t, conn, method, true)
		x.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resourcev3.SecretType})
		if got := x.end(); got.Code() != codes.PermissionDenied {
			t.Errorf("%s without a node: %v, want PermissionDenied", method, got)
		}
	}
}

// Without TLS nobody has an identity.
func TestPlainTextHasNoIdentity(t *testing.T) {
	got := make(chan []string, 1)
	s := runWith(t, 0, xds.Options{Authorize: func(identity []string, _ *corev3.Node, _ *snapshot.Snapshot) error {
		got <- identity
		return errors.New("no")
	}})
	x := dialADS(t, s.conn, true)
	x.ask(resourcev3.ClusterType)
	x.end()
	if identity := <-got; len(identity) != 0 {
		t.Errorf("the identity is %q, want none", identity)
	}
}
