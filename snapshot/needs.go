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
)

// findings are what there is to know of a resource by itself.
type findings struct {
	refs   []Ref    // what it refers to
	faults []string // what Envoy would refuse in it
}

// An examiner goes once through every resource, of many at once. It knows where
// to look in each type of message, and as most clusters carry the same packed
// options, it remembers what it found in those.
type examiner struct {
	mu     sync.Mutex // guards what follows
	plans  map[protoreflect.FullName]*plan
	known  map[string]findings // by the bytes of an Any
	memory int                 // that known takes, about
}

// enough is how much memory may go into what is remembered. What is used by many
// resources is soon there again once all is forgotten.
const (
	enough   = 1 << 20
	perEntry = 128 // that is not the key
)

func newExaminer() *examiner {
	return &examiner{plans: map[protoreflect.FullName]*plan{}, known: map[string]findings{}}
}

// examine goes through a message and its bytes, as Marshal writes them: it takes
// far less to pass over a field there than to ask a message whether it has it.
// Fields come in no order that means anything, so what is found is sorted.
func (e *examiner) examine(m proto.Message, body []byte) findings {
	var f findings
	f.constraints(m)
	e.look(e.planOf(m.ProtoReflect().Descriptor()), m, body, &f)
	slices.SortFunc(f.refs, compareRefs)
	slices.Sort(f.faults)
	return findings{slices.Clip(slices.Compact(f.refs)), slices.Compact(f.faults)}
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

// unpack examines what is packed in an Any, whose bytes these are.
func (e *examiner) unpack(b []byte, f *findings) {
	e.mu.Lock()
	inside, known := e.known[string(b)]
	e.mu.Unlock()
	if !known {
		inside = e.examineAny(b)
		e.remember(b, inside)
	}
	f.refs = append(f.refs, inside.refs...)
	f.faults = append(f.faults, inside.faults...)
}

func (e *examiner) examineAny(b []byte) findings {
	var a anypb.Any
	err := proto.Unmarshal(b, &a)
	if err == nil {
		var m proto.Message
		if m, err = a.UnmarshalNew(); err == nil {
			return e.examine(m, a.GetValue())
		}
	}
	return findings{faults: []string{fmt.Sprintf("%s: %s", a.GetTypeUrl(), words(err))}}
}

func (e *examiner) remember(b []byte, f findings) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.memory += len(b) + perEntry; e.memory > enough {
		e.known, e.memory = map[string]findings{}, len(b)+perEntry
	}
	e.known[string(b)] = f
}

// refer notes that a field names a resource, if it does.
func (f *findings) refer(typeURL string, name []byte) {
	if n := len(f.refs); len(name) == 0 || n > 0 && f.refs[n-1].Type == typeURL && f.refs[n-1].Name == string(name) {
		return
	}
	f.refs = append(f.refs, Ref{typeURL, string(name)})
}

// naming says which field of a message has the name of a resource, and of what
// type that is. What a request names, by cluster_header, is known to nobody here.
func naming(m proto.Message) (field protoreflect.Name, typeURL string) {
	switch m.(type) {
	case *hcmv3.Rds:
		return "route_config_name", resourcev3.RouteType
	case *routev3.ScopedRouteConfiguration:
		return "route_configuration_name", resourcev3.RouteType
	case *routev3.RouteAction, *routev3.RouteAction_RequestMirrorPolicy, *tcpproxyv3.TcpProxy, *corev3.HttpUri:
		return "cluster", resourcev3.ClusterType
	case *routev3.WeightedCluster_ClusterWeight, *tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight:
		return "name", resourcev3.ClusterType
	case *corev3.GrpcService_EnvoyGrpc: // access logs, tracing, authorization
		return "cluster_name", resourcev3.ClusterType
	}
	return "", ""
}

// references are the resources that a message refers to where that takes more
// than one field to know. Of any other type it says that it is not of these.
func references(m proto.Message) (refs []Ref, known bool) {
	switch m := m.(type) {
	case *hcmv3.ScopedRoutes:
		if m.GetScopedRds() != nil {
			return []Ref{{resourcev3.ScopedRouteType, AllScopes(m.GetName())}}, true
		}
		return nil, true
	case *clusterv3.Cluster:
		if m.GetType() == clusterv3.Cluster_EDS {
			return named(resourcev3.EndpointType, cmp.Or(m.GetEdsClusterConfig().GetServiceName(), m.GetName())), true
		}
		return nil, true
	case *tlsv3.SdsSecretConfig:
		if bySDS(m.GetSdsConfig()) {
			return named(resourcev3.SecretType, m.GetName()), true
		}
		return nil, true
	}
	return nil, false
}

// allScopes ends the name of a scope that every listener with scopes has: it
// stands for all that are named after the listener, which Envoy does not name.
const allScopes = "/*"

// AllScopes is that name.
func AllScopes(listener string) string { return listener + allScopes }

func named(typeURL, name string) []Ref {
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
