package translator

import (
	"cmp"
	"net/netip"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// loadAssignment lists a cluster's endpoints by host, port and weight: moving
// a line in a list is no change. gRPC clients insist on a locality with an id,
// be it empty, and on its weight; Envoy takes no notice of either.
func loadAssignment(name string, in []model.Endpoint) *endpointv3.ClusterLoadAssignment {
	sorted := slices.SortedFunc(slices.Values(in), func(a, b model.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Weight, b.Weight))
	})
	local := &endpointv3.LocalityLbEndpoints{Locality: new(corev3.Locality)}
	sum := uint32(0)
	for _, e := range sorted {
		local.LbEndpoints = append(local.LbEndpoints, endpoint(e))
		sum += max(1, e.Weight)
	}
	local.LoadBalancingWeight = wrapperspb.UInt32(sum)
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{local}}
}

func endpoint(e model.Endpoint) *endpointv3.LbEndpoint {
	out := &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
		Hostname: hostname(e.Host),
		Address:  address(e.Host, e.Port),
	}}}
	if e.Weight > 0 {
		out.LoadBalancingWeight = wrapperspb.UInt32(e.Weight)
	}
	return out
}

// hostname is what a Host header says that is rewritten to the endpoint's. For
// DNS clusters Envoy would know it; for addresses it knows nothing.
func hostname(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		return "[" + host + "]"
	}
	return host
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
