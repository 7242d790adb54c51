package snapshot

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// findings are what there is to know of a resource by itself.
type findings struct {
	refs   []Ref    // what it refers to
	faults []string // what Envoy would refuse in it
}

// An examiner goes once through every message of every resource, of many at
// once. Most clusters carry the same packed options, so it remembers what it
// found in those.
type examiner struct {
	mu    sync.Mutex // guards what follows
	known map[packed]findings
}

func newExaminer() *examiner { return &examiner{known: map[packed]findings{}} }

// packed is the content of an Any.
type packed struct{ typeURL, value string }

// examine goes through a resource. Fields of a message are walked in no order,
// so what is found is sorted.
func (e *examiner) examine(m proto.Message) findings {
	var f findings
	f.constraints(m)
	e.walk(m.ProtoReflect(), &f)
	slices.SortFunc(f.refs, compareRefs)
	slices.Sort(f.faults)
	return findings{slices.Compact(f.refs), slices.Compact(f.faults)}
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

// constraints asks what is generated from the rules in Envoy's proto files,
// which goes into every nested message but not into what is packed.
func (f *findings) constraints(m proto.Message) {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			f.faults = append(f.faults, err.Error())
		}
	}
}

func (e *examiner) walk(m protoreflect.Message, f *findings) {
	switch m := m.Interface().(type) {
	case *anypb.Any:
		e.unpack(m, f)
		return
	case *corev3.ConfigSource:
		return // the clusters that xDS itself comes by are in the bootstrap
	case *structpb.Struct, *durationpb.Duration, *wrapperspb.UInt32Value, *wrapperspb.BoolValue:
		return // the most frequent of those that name nothing
	default:
		f.refs = append(f.refs, references(m)...)
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				e.walk(v.Message(), f)
				return true
			})
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				e.walk(v.List().Get(i).Message(), f)
			}
		default:
			e.walk(v.Message(), f)
		}
		return true
	})
}

func (e *examiner) unpack(a *anypb.Any, f *findings) {
	key := packed{a.GetTypeUrl(), string(a.GetValue())}
	e.mu.Lock()
	inside, known := e.known[key]
	e.mu.Unlock()
	if !known {
		if m, err := a.UnmarshalNew(); err != nil {
			inside.faults = []string{fmt.Sprintf("%s: %s", a.GetTypeUrl(), words(err))}
		} else {
			inside = e.examine(m)
		}
		e.mu.Lock()
		e.known[key] = inside
		e.mu.Unlock()
	}
	f.refs = append(f.refs, inside.refs...)
	f.faults = append(f.faults, inside.faults...)
}

// references are the resources that a message names in its own fields. What a
// request names, by cluster_header, is known to nobody here.
func references(m proto.Message) []Ref {
	switch m := m.(type) {
	case *hcmv3.Rds:
		return refs(resourcev3.RouteType, m.GetRouteConfigName())
	case *hcmv3.ScopedRoutes:
		if m.GetScopedRds() != nil {
			return refs(resourcev3.ScopedRouteType, AllScopes(m.GetName()))
		}
	case *routev3.ScopedRouteConfiguration:
		return refs(resourcev3.RouteType, m.GetRouteConfigurationName())
	case *clusterv3.Cluster:
		if m.GetType() == clusterv3.Cluster_EDS {
			return refs(resourcev3.EndpointType, cmp.Or(m.GetEdsClusterConfig().GetServiceName(), m.GetName()))
		}
	case *tlsv3.SdsSecretConfig:
		if bySDS(m.GetSdsConfig()) {
			return refs(resourcev3.SecretType, m.GetName())
		}
	case *routev3.RouteAction:
		return refs(resourcev3.ClusterType, m.GetCluster())
	case *routev3.WeightedCluster_ClusterWeight:
		return refs(resourcev3.ClusterType, m.GetName())
	case *routev3.RouteAction_RequestMirrorPolicy:
		return refs(resourcev3.ClusterType, m.GetCluster())
	case *tcpproxyv3.TcpProxy:
		return refs(resourcev3.ClusterType, m.GetCluster())
	case *tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight:
		return refs(resourcev3.ClusterType, m.GetName())
	case *corev3.GrpcService_EnvoyGrpc: // access logs, tracing, authorization
		return refs(resourcev3.ClusterType, m.GetClusterName())
	case *corev3.HttpUri:
		return refs(resourcev3.ClusterType, m.GetCluster())
	}
	return nil
}

// allScopes ends the name of a scope that every listener with scopes has: it
// stands for all that are named after the listener, which Envoy does not name.
const allScopes = "/*"

// AllScopes is that name.
func AllScopes(listener string) string { return listener + allScopes }

func refs(typeURL, name string) []Ref {
	if name == "" {
		return nil
	}
	return []Ref{{typeURL, name}}
}

// bySDS says that a secret comes from here: without a source it stands in the
// bootstrap, and a path is a file of the Envoy's host.
func bySDS(source *corev3.ConfigSource) bool {
	return source != nil && source.GetPath() == "" && source.GetPathConfigSource() == nil //nolint:staticcheck // the old field still works
}

// onDemand says that an Envoy that wants everything of a type is not to have
// this: keys, and listeners that are for gRPC clients.
func onDemand(m proto.Message) bool {
	switch m := m.(type) {
	case *tlsv3.Secret:
		return true
	case *listenerv3.Listener:
		return m.GetApiListener() != nil
	}
	return false
}
