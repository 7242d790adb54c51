package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	caresv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/cares/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/model"
)

// resolve sets how a cluster's names become addresses. The resolver gives up
// after a second: Envoy takes no other cluster until a new one has been looked
// up, and with its own four tries of five seconds a silent DNS server holds
// everybody's changes back for a minute. A failed lookup is repeated at the
// refresh rate. The fields are the classic ones: they are what people look for
// in a config dump, and what older Envoys know.
func resolve(at scope, c *clusterv3.Cluster, d model.DNS) {
	c.DnsLookupFamily = lookupFamily(d.Family)
	c.RespectDnsTtl = d.RespectTTL //nolint:staticcheck // as for the cluster's type
	if d.Refresh > 0 {
		c.DnsRefreshRate = durationpb.New(d.Refresh) //nolint:staticcheck // as for the cluster's type
	}
	c.TypedDnsResolverConfig = &corev3.TypedExtensionConfig{
		Name: "envoy.network.dns_resolver.cares",
		TypedConfig: at.pack(&caresv3.CaresDnsResolverConfig{
			QueryTimeoutSeconds: wrapperspb.UInt64(1),
			QueryTries:          wrapperspb.UInt32(1),
		}),
	}
}

func lookupFamily(f model.DNSFamily) clusterv3.Cluster_DnsLookupFamily {
	switch f {
	case model.V4:
		return clusterv3.Cluster_V4_ONLY
	case model.V6:
		return clusterv3.Cluster_V6_ONLY
	case model.AnyFamily:
		return clusterv3.Cluster_AUTO
	case model.AllFamilies:
		return clusterv3.Cluster_ALL
	}
	panic(unknown("DNS family", f))
}
