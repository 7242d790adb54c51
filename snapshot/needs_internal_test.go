package snapshot

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/loader"
	"dragoman/parallel"
	"dragoman/translator"
)

// What is found in the bytes of a resource is what a walk through every field of
// every message in it finds.
func TestNothingIsOverlookedInWhatIsTranslated(t *testing.T) {
	dirs, err := filepath.Glob("../translator/testdata/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	e, referred := newExaminer(), map[string]bool{}
	for _, dir := range dirs {
		sources, _, err := loader.OpenDir(dir, 0).Look(nil)
		if err != nil {
			t.Fatal(err)
		}
		sources = slices.DeleteFunc(sources, func(s loader.Source) bool { return s.Path == "snapshot.json" })
		res := loader.New(loader.Options{}).Apply(sources)
		if err := res.Problems.Err(); err != nil {
			t.Fatal(err)
		}
		translation, problems := translator.New(translator.Options{}).Translate(res.Config)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		for _, rows := range translation.Tables {
			for m := range rows.All() {
				got, want := e.examine(m.Body, marshalled(t, m.Body)), walked(m.Body, nil)
				if diff := findingsDiff(want, got); diff != "" {
					t.Errorf("%s, %T %s (-want +got):\n%s", dir, m.Body, m.Name, diff)
				}
				for _, r := range got.refs {
					referred[r.Type] = true
				}
			}
		}
	}
	for _, typeURL := range []string{resourcev3.ClusterType, resourcev3.EndpointType, resourcev3.RouteType, resourcev3.ScopedRouteType} {
		if !referred[typeURL] {
			t.Errorf("nothing refers to any %s, which tells little", typeURL)
		}
	}
}

// The same with anything that the types can hold, by many at once.
func TestNothingIsOverlookedInAnything(t *testing.T) {
	const seeds = 2000
	var mu sync.Mutex
	seen, e := map[string]int{}, newExaminer()
	parallel.Each(seeds, func(i int) {
		f := filler{t: t, r: rand.New(rand.NewPCG(uint64(i), 5)), left: 150}
		m := served()[i%len(served())]
		f.fill(m.ProtoReflect(), 12)
		found := map[string]int{}
		got, want := e.examine(m, marshalled(t, m)), walked(m, found)
		if diff := findingsDiff(want, got); diff != "" {
			t.Errorf("seed %d, %T (-want +got):\n%s", i, m, diff)
		}
		mu.Lock()
		defer mu.Unlock()
		for name, n := range found {
			seen[name] += n
		}
	})
	for _, m := range referring() {
		if name := string(proto.MessageName(m)); seen[name] < 5 {
			t.Errorf("%d of %s refer to anything, which tells little", seen[name], name)
		}
	}
}

// A configuration's packed options are looked into once, also if they are in
// each of the resources of one configuration after another.
func TestWhatIsPackedIsRemembered(t *testing.T) {
	a := &anypb.Any{TypeUrl: resourcev3.ClusterType, Value: marshalled(t, &clusterv3.Cluster{Name: "a"})}
	m := &clusterv3.Cluster{Name: "b", TypedExtensionProtocolOptions: map[string]*anypb.Any{"x": a}}
	e := newExaminer()
	e.known[string(marshalled(t, a))] = findings{faults: []string{"as before"}}
	if got := e.examine(m, marshalled(t, m)); !slices.Contains(got.faults, "as before") {
		t.Errorf("found %v, want what was found before", got)
	}
}

func TestWhatIsRememberedIsLittle(t *testing.T) {
	e := newExaminer()
	for i := range 100 {
		a := marshalled(t, &anypb.Any{TypeUrl: "a", Value: fmt.Appendf(nil, "%050000d", i)})
		e.unpack(a, new(findings))
		size := 0
		for key := range e.known {
			size += len(key)
		}
		if size == 0 || size > enough {
			t.Fatalf("%d bytes are remembered, want %d at most", size, enough)
		}
	}
}

func marshalled(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return b
}

func findingsDiff(want, got findings) string {
	return gocmp.Diff(want.refs, got.refs) + gocmp.Diff(want.faults, got.faults)
}

// served are empty resources of each type that there is a table of.
func served() []proto.Message {
	return []proto.Message{
		new(clusterv3.Cluster), new(endpointv3.ClusterLoadAssignment), new(listenerv3.Listener), new(routev3.RouteConfiguration),
		new(routev3.ScopedRouteConfiguration), new(runtimev3.Runtime), new(tlsv3.Secret),
	}
}

// referring are the types that refer to resources.
func referring() []proto.Message {
	return []proto.Message{
		new(hcmv3.Rds), new(hcmv3.ScopedRoutes), new(routev3.ScopedRouteConfiguration), new(clusterv3.Cluster), new(tlsv3.SdsSecretConfig),
		new(routev3.RouteAction), new(routev3.WeightedCluster_ClusterWeight), new(routev3.RouteAction_RequestMirrorPolicy),
		new(tcpproxyv3.TcpProxy), new(tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight), new(corev3.GrpcService_EnvoyGrpc), new(corev3.HttpUri),
	}
}

// A filler fills messages at random.
type filler struct {
	t    *testing.T
	r    *rand.Rand
	left int // how many messages it may still fill
}

func (f *filler) fill(m protoreflect.Message, depth int) {
	f.left--
	if a, ok := m.Interface().(*anypb.Any); ok {
		f.pack(a, depth)
		return
	}
	fields := m.Descriptor().Fields()
	few := max(2, fields.Len()/4) // of a type with many fields some
	if slices.ContainsFunc(referring(), func(r proto.Message) bool { return proto.MessageName(r) == m.Descriptor().FullName() }) {
		few = 2
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		if one := field.ContainingOneof(); one != nil && m.WhichOneof(one) != nil && f.r.IntN(2) == 0 {
			continue // as likely the first one as another
		}
		if f.r.IntN(few) == 0 && (field.Message() == nil || depth > 0 && f.left > 0) {
			f.set(m, field, depth-1)
		}
	}
	if f.r.IntN(20) == 0 {
		m.SetUnknown(f.unknown(fields))
	}
}

func (f *filler) set(m protoreflect.Message, field protoreflect.FieldDescriptor, depth int) {
	switch {
	case field.IsMap():
		for range f.r.IntN(3) {
			to, key := m.Mutable(field).Map(), f.scalar(field.MapKey()).MapKey()
			if field.MapValue().Message() == nil {
				to.Set(key, f.scalar(field.MapValue()))
				continue
			}
			f.fill(to.Mutable(key).Message(), depth)
		}
	case field.IsList():
		for range f.r.IntN(3) {
			if to := m.Mutable(field).List(); field.Message() == nil {
				to.Append(f.scalar(field))
			} else {
				f.fill(to.AppendMutable().Message(), depth)
			}
		}
	case field.Message() == nil:
		m.Set(field, f.scalar(field))
	default:
		f.fill(m.Mutable(field).Message(), depth)
	}
}

func (f *filler) scalar(field protoreflect.FieldDescriptor) protoreflect.Value {
	n := f.r.IntN(5)
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(f.r.IntN(values.Len())).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString([]string{"", "a", "b", "c", "d"}[n])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{byte(n)})
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	panic("no scalar: " + field.FullName())
}

// pack packs something, or what nobody can unpack.
func (f *filler) pack(a *anypb.Any, depth int) {
	all := slices.Concat(referring(), served(), []proto.Message{
		new(hcmv3.HttpConnectionManager), new(tlsv3.UpstreamTlsContext), new(tlsv3.DownstreamTlsContext), new(httpv3.HttpProtocolOptions),
		new(extauthzv3.ExtAuthz), new(corev3.ConfigSource), new(anypb.Any),
	})
	switch f.r.IntN(20) {
	case 0:
		return
	case 1:
		a.TypeUrl = "type.googleapis.com/no.such.Message"
		return
	case 2:
		a.TypeUrl, a.Value = resourcev3.ClusterType, []byte{0xff}
		return
	}
	m := all[f.r.IntN(len(all))]
	if depth > 0 && f.left > 0 {
		f.fill(m.ProtoReflect(), depth-1)
	}
	a.TypeUrl, a.Value = "type.googleapis.com/"+string(proto.MessageName(m)), marshalled(f.t, m)
}

// unknown are the bytes of a field that a message does not have, or not so.
func (f *filler) unknown(fields protoreflect.FieldDescriptors) []byte {
	number := protowire.Number(1 + f.r.IntN(80))
	if fields.ByNumber(number) != nil {
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), 7)
	}
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), "a")
}

// walked is what a walk through all of a message finds. Of what refers to
// anything it counts how many there are.
func walked(m proto.Message, seen map[string]int) findings {
	var f findings
	f.constraints(m)
	f.walk(m.ProtoReflect(), seen)
	slices.SortFunc(f.refs, compareRefs)
	slices.Sort(f.faults)
	return findings{slices.Compact(f.refs), slices.Compact(f.faults)}
}

func (f *findings) walk(m protoreflect.Message, seen map[string]int) {
	switch m := m.Interface().(type) {
	case *anypb.Any:
		var inside findings
		if in, err := m.UnmarshalNew(); err != nil {
			inside.faults = []string{fmt.Sprintf("%s: %s", m.GetTypeUrl(), words(err))}
		} else {
			inside = walked(in, seen)
		}
		f.refs = append(f.refs, inside.refs...)
		f.faults = append(f.faults, inside.faults...)
		return
	case *corev3.ConfigSource:
		return
	}
	if ref := reference(m.Interface()); ref.Name != "" {
		f.refs = append(f.refs, ref)
		if seen != nil {
			seen[string(m.Descriptor().FullName())]++
		}
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				f.walk(v.Message(), seen)
				return true
			})
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				f.walk(v.List().Get(i).Message(), seen)
			}
		default:
			f.walk(v.Message(), seen)
		}
		return true
	})
}

// reference is what a message refers to in its own fields.
func reference(m proto.Message) Ref {
	switch m := m.(type) {
	case *hcmv3.Rds:
		return Ref{resourcev3.RouteType, m.GetRouteConfigName()}
	case *hcmv3.ScopedRoutes:
		if m.GetScopedRds() != nil {
			return Ref{resourcev3.ScopedRouteType, m.GetName() + "/*"}
		}
	case *routev3.ScopedRouteConfiguration:
		return Ref{resourcev3.RouteType, m.GetRouteConfigurationName()}
	case *clusterv3.Cluster:
		if m.GetType() == clusterv3.Cluster_EDS {
			return Ref{resourcev3.EndpointType, cmp.Or(m.GetEdsClusterConfig().GetServiceName(), m.GetName())}
		}
	case *tlsv3.SdsSecretConfig:
		if bySDS(m.GetSdsConfig()) {
			return Ref{resourcev3.SecretType, m.GetName()}
		}
	case *routev3.RouteAction:
		return Ref{resourcev3.ClusterType, m.GetCluster()}
	case *routev3.WeightedCluster_ClusterWeight:
		return Ref{resourcev3.ClusterType, m.GetName()}
	case *routev3.RouteAction_RequestMirrorPolicy:
		return Ref{resourcev3.ClusterType, m.GetCluster()}
	case *tcpproxyv3.TcpProxy:
		return Ref{resourcev3.ClusterType, m.GetCluster()}
	case *tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight:
		return Ref{resourcev3.ClusterType, m.GetName()}
	case *corev3.GrpcService_EnvoyGrpc:
		return Ref{resourcev3.ClusterType, m.GetClusterName()}
	case *corev3.HttpUri:
		return Ref{resourcev3.ClusterType, m.GetCluster()}
	}
	return Ref{}
}
