package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// bufferLimit bounds what Envoy buffers for one connection, on either side.
// Envoy's megabyte is too much for a proxy that strangers can reach:
// https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
const bufferLimit = 32768

// metadataKey is the filter metadata under which a resource says which service
// it is for. Files and lines stay out: a moved comment must not be a push.
const metadataKey = "dragoman"

// ringSize bounds the ring of consistent hashing, as Maglev's table is bounded.
// Envoy's eight million come about when an endpoint has a small part of all
// weights. To build that takes seconds, in which Envoy takes no other change,
// and STRICT_DNS builds it anew for each name that has been looked up.
const ringSize = 1 << 16

// cluster is a service's upstream. It is named for the service. Endpoints that
// are addresses do not stand in it: a changed cluster drops its connections, a
// changed load assignment only those to endpoints that went.
func cluster(at scope, s *model.Service, roots string) *clusterv3.Cluster {
	u := s.Upstream
	out := &clusterv3.Cluster{
		Name:                          s.Name,
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: discoveryType(u.Discovery)},
		ConnectTimeout:                durationpb.New(u.ConnectTimeout),
		PerConnectionBufferLimitBytes: wrapperspb.UInt32(bufferLimit),
		LbPolicy:                      lbPolicy(u.LoadBalancing),
		TypedExtensionProtocolOptions: protocolOptions(at, u.Protocol),
		Metadata:                      at.metadata,
	}
	if u.LoadBalancing == model.RingHash {
		out.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
			MaximumRingSize: wrapperspb.UInt64(ringSize),
		}}
	}
	if u.TLS {
		out.TransportSocket = transportSocket(at, u, roots)
	}
	if u.Discovery == model.Addresses {
		out.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: byADS()}
	} else {
		out.LoadAssignment = loadAssignment(s.Name, u.Endpoints)
		resolve(at, out, u.DNS)
	}
	at.check(out)
	return out
}

func discoveryType(d model.Discovery) clusterv3.Cluster_DiscoveryType {
	switch d {
	case model.Addresses:
		return clusterv3.Cluster_EDS
	case model.LogicalDNS:
		return clusterv3.Cluster_LOGICAL_DNS
	case model.StrictDNS:
		return clusterv3.Cluster_STRICT_DNS
	}
	panic(unknown("discovery", d))
}

func lbPolicy(b model.LoadBalancing) clusterv3.Cluster_LbPolicy {
	switch b {
	case model.RoundRobin:
		return clusterv3.Cluster_ROUND_ROBIN
	case model.LeastRequest:
		return clusterv3.Cluster_LEAST_REQUEST
	case model.Random:
		return clusterv3.Cluster_RANDOM
	case model.RingHash:
		return clusterv3.Cluster_RING_HASH
	case model.Maglev:
		return clusterv3.Cluster_MAGLEV
	}
	panic(unknown("load balancing", b))
}

func metadata(service string) *corev3.Metadata {
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		metadataKey: {Fields: map[string]*structpb.Value{"service": structpb.NewStringValue(service)}},
	}}
}
