package snapshot

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/table"
	"dragoman/translator"
)

// Tables makes a translation of resources in any order. It refuses names that
// are empty or there twice in one type, since no table can hold them.
func Tables(r translator.Resources) (translator.Translation, error) {
	t := translator.Translation{Tables: map[string]table.Table[*translator.Message]{}, Groups: r.Groups, GroupsOf: r.GroupsOf}
	for _, err := range []error{
		add(t, resourcev3.ClusterType, r.Clusters, (*clusterv3.Cluster).GetName),
		add(t, resourcev3.EndpointType, r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName),
		add(t, resourcev3.ListenerType, r.Listeners, (*listenerv3.Listener).GetName),
		add(t, resourcev3.RouteType, r.Routes, (*routev3.RouteConfiguration).GetName),
		add(t, resourcev3.ScopedRouteType, r.ScopedRoutes, (*routev3.ScopedRouteConfiguration).GetName),
		add(t, resourcev3.RuntimeType, r.Runtimes, (*runtimev3.Runtime).GetName),
		add(t, resourcev3.SecretType, r.Secrets, (*tlsv3.Secret).GetName),
	} {
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// add adds the table of one type.
func add[T proto.Message](to translator.Translation, typeURL string, in []T, name func(T) string) error {
	all, known := make([]*translator.Message, len(in)), map[string]bool{}
	for i, body := range in {
		all[i] = &translator.Message{Name: name(body), Body: body}
		switch {
		case all[i].Name == "":
			return Fault{Type: typeURL, Msg: "has no name"}
		case known[all[i].Name]:
			return Fault{Type: typeURL, Name: all[i].Name, Msg: "is there twice"}
		}
		known[all[i].Name] = true
	}
	to.Tables[typeURL] = table.Of(all...)
	return nil
}
