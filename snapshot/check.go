package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// Check refuses a snapshot that Envoy would refuse, or accept and then not
// serve: Envoy acknowledges a route to a cluster that does not exist and
// answers 503, and it waits 15 s for a route configuration or a load
// assignment that never comes. The error is Faults.
//
// Envoy's own constraints are asked of every resource and of every message
// packed inside one: a response with a violation is refused whole, with all
// the good resources in it.
func (s *Snapshot) Check() error {
	c := &checker{snap: s, routesUsed: map[string]bool{}, bound: map[string]string{}, checked: map[packed]bool{}}
	for _, typeURL := range Types() {
		for _, m := range s.messages[typeURL] {
			c.resource(typeURL, m)
		}
	}
	for _, m := range s.messages[resourcev3.RouteType] {
		if !c.routesUsed[m.name] {
			c.at = Fault{Type: resourcev3.RouteType, Name: m.name}
			c.fault("no listener refers to it")
		}
	}
	if len(c.faults) == 0 {
		return nil
	}
	// Fields of a message are walked in no order, and two routes may lack the
	// same cluster.
	slices.SortFunc(c.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Msg, b.Msg))
	})
	return Faults(slices.Compact(c.faults))
}

// has tells whether there is a resource of a name.
func (s *Snapshot) has(typeURL, name string) bool { return s.all.Set(typeURL).Get(name) != nil }

// checker goes once through every message of a snapshot.
type checker struct {
	snap   *Snapshot
	at     Fault // the resource that is being checked
	faults []Fault

	routesUsed map[string]bool   // route configurations that listeners refer to
	bound      map[string]string // listeners by the addresses they are bound to
	checked    map[packed]bool   // most clusters carry the same packed options
}

// packed is the content of an Any that refers to nothing and has no fault.
type packed struct{ typeURL, value string }

func (c *checker) fault(format string, args ...any) {
	f := c.at
	f.Msg = fmt.Sprintf(format, args...)
	c.faults = append(c.faults, f)
}

func (c *checker) resource(typeURL string, m message) {
	c.at = Fault{Type: typeURL, Name: m.name}
	c.constraints(m.body)
	switch r := m.body.(type) {
	case *clusterv3.Cluster:
		c.endpoints(r)
	case *listenerv3.Listener:
		c.addresses(r)
	}
	c.walk(m.body.ProtoReflect())
}

// constraints asks what is generated from the rules in Envoy's proto files,
// which goes into every nested message but not into what is packed.
func (c *checker) constraints(m proto.Message) {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			c.fault("%v", err)
		}
	}
}

func (c *checker) walk(m protoreflect.Message) {
	switch m := m.Interface().(type) {
	case *anypb.Any:
		c.unpack(m)
		return
	case *hcmv3.HttpConnectionManager:
		c.routes(m)
	case *routev3.RouteAction:
		c.clusters(m)
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				c.walk(v.Message())
				return true
			})
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				c.walk(v.List().Get(i).Message())
			}
		default:
			c.walk(v.Message())
		}
		return true
	})
}

func (c *checker) unpack(a *anypb.Any) {
	key := packed{a.GetTypeUrl(), string(a.GetValue())}
	if c.checked[key] {
		return
	}
	m, err := a.UnmarshalNew()
	if err != nil {
		c.fault("%s: %s", a.GetTypeUrl(), words(err))
		return
	}
	faults := len(c.faults)
	c.constraints(m)
	c.walk(m.ProtoReflect())
	// What has a fault is reported for each resource that carries it. The
	// references of what has none exist wherever it stands.
	c.checked[key] = len(c.faults) == faults
}

// endpoints checks that a cluster with discovered endpoints has some to find.
func (c *checker) endpoints(cl *clusterv3.Cluster) {
	if cl.GetType() != clusterv3.Cluster_EDS {
		return
	}
	if name := assignmentName(cl); !c.snap.has(resourcev3.EndpointType, name) {
		c.fault("cluster load assignment %q does not exist", name)
	}
}

func (c *checker) routes(m *hcmv3.HttpConnectionManager) {
	rds := m.GetRds()
	if rds == nil {
		return
	}
	name := rds.GetRouteConfigName()
	c.routesUsed[name] = true
	if !c.snap.has(resourcev3.RouteType, name) {
		c.fault("route configuration %q does not exist", name)
	}
}

// clusters checks the clusters that a route names. One that a request names,
// by cluster_header, is known to nobody here.
func (c *checker) clusters(a *routev3.RouteAction) {
	var names []string
	if a.GetCluster() != "" {
		names = append(names, a.GetCluster())
	}
	for _, w := range a.GetWeightedClusters().GetClusters() {
		if w.GetName() != "" {
			names = append(names, w.GetName())
		}
	}
	for _, p := range a.GetRequestMirrorPolicies() {
		if p.GetCluster() != "" {
			names = append(names, p.GetCluster())
		}
	}
	for _, name := range names {
		if !c.snap.has(resourcev3.ClusterType, name) {
			c.fault("cluster %q does not exist", name)
		}
	}
}

// addresses checks that no two listeners are bound to one address.
func (c *checker) addresses(l *listenerv3.Listener) {
	all := []*corev3.Address{l.GetAddress()}
	for _, more := range l.GetAdditionalAddresses() {
		all = append(all, more.GetAddress())
	}
	for _, a := range all {
		where := place(a)
		if where == "" {
			continue
		}
		if other, taken := c.bound[where]; taken {
			c.fault("listener %q has the same address, %s", other, where)
			continue
		}
		c.bound[where] = l.GetName()
	}
}

// place is an address as it is compared, or "" for one that can be had twice:
// none at all, or a port that the kernel chooses.
func place(a *corev3.Address) string {
	if path := a.GetPipe().GetPath(); path != "" {
		return path
	}
	s := a.GetSocketAddress()
	if s.GetPortValue() == 0 {
		return ""
	}
	host := s.GetAddress()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String() // ::1 has other spellings
	}
	return fmt.Sprintf("%s %s port %d", s.GetProtocol(), host, s.GetPortValue())
}
