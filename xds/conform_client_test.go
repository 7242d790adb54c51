package xds_test

// The conformance tests follow the protocol document,
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, whose
// sections they name. Resources are written as "cds a=1 b=2; rds r=1": a type,
// names, and for each the edition of its content. A response is written alike,
// with "-c" for a removed c.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/xds"
)

// conformWait bounds every wait.
const conformWait = 20 * time.Second

// typeURLs are the types by the names of their services.
var typeURLs = map[string]string{
	"cds": resourcev3.ClusterType, "eds": resourcev3.EndpointType, "lds": resourcev3.ListenerType,
	"rds": resourcev3.RouteType, "sds": resourcev3.SecretType, "rtds": resourcev3.RuntimeType,
}

// singles are the services of one type, whose methods begin with Stream or Delta.
var singles = map[string][2]string{
	"cds":  {"/envoy.service.cluster.v3.ClusterDiscoveryService/", "Clusters"},
	"eds":  {"/envoy.service.endpoint.v3.EndpointDiscoveryService/", "Endpoints"},
	"lds":  {"/envoy.service.listener.v3.ListenerDiscoveryService/", "Listeners"},
	"rds":  {"/envoy.service.route.v3.RouteDiscoveryService/", "Routes"},
	"sds":  {"/envoy.service.secret.v3.SecretDiscoveryService/", "Secrets"},
	"rtds": {"/envoy.service.runtime.v3.RuntimeDiscoveryService/", "Runtime"},
}

// trial is a test in one of the two forms of the protocol.
type trial struct {
	*testing.T

	delta bool
	typ   string // if it is of one type
}

// bothForms runs a test in both forms of the protocol.
func bothForms(t *testing.T, test func(trial)) {
	t.Helper()
	eachForm(t, "", test)
}

// eachType runs a test in both forms and for each of the types.
func eachType(t *testing.T, types []string, test func(trial)) {
	t.Helper()
	for _, typ := range types {
		t.Run(typ, func(t *testing.T) { eachForm(t, typ, test) })
	}
}

func eachForm(t *testing.T, typ string, test func(trial)) {
	t.Helper()
	for _, delta := range []bool{false, true} {
		t.Run(map[bool]string{false: "sotw", true: "delta"}[delta], func(t *testing.T) {
			t.Parallel()
			test(trial{T: t, delta: delta, typ: typ})
		})
	}
}

// parse reads "cds a=1 b=2; rds r=1".
func parse(text string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		all := map[string]string{}
		for _, word := range words[1:] {
			name, edition, _ := strings.Cut(word, "=")
			all[name] = edition
		}
		out[words[0]] = all
	}
	return out
}

// worldOf makes the resources that a text says. A cluster whose name begins
// with eds- finds its endpoints by EDS; edition n of a route configuration
// sends everything to cluster cn.
func worldOf(text string) translator.Resources {
	var r translator.Resources
	for typ, all := range parse(text) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			n, err := strconv.Atoi(all[name])
			if err != nil {
				panic(err)
			}
			switch typ {
			case "cds":
				r.Clusters = append(r.Clusters, clusterOf(name, n))
			case "eds":
				r.Endpoints = append(r.Endpoints, endpointsOf(name, n))
			case "lds":
				r.Listeners = append(r.Listeners, &listenerv3.Listener{Name: name, StatPrefix: all[name]})
			case "rds":
				r.Routes = append(r.Routes, routesOf(name, n))
			default:
				panic("no resources of " + typ)
			}
		}
	}
	return r
}

func clusterOf(name string, edition int) *clusterv3.Cluster {
	c := &clusterv3.Cluster{
		Name:                 name,
		ConnectTimeout:       &durationpb.Duration{Seconds: int64(edition)},
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
	}
	if strings.HasPrefix(name, "eds-") {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: &corev3.ConfigSource{
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		}}
	}
	return c
}

func endpointsOf(name string, edition int) *endpointv3.ClusterLoadAssignment {
	address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(edition)},
	}}}
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{
		LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address}},
		}},
	}}}
}

func routesOf(name string, edition int) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"},
		Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: fmt.Sprint("c", edition)},
			}},
		}},
	}}}
}

// editionOf returns the name and the edition of a resource that worldOf made.
func editionOf(m proto.Message) (name, edition string) {
	switch m := m.(type) {
	case *clusterv3.Cluster:
		return m.GetName(), fmt.Sprint(m.GetConnectTimeout().GetSeconds())
	case *endpointv3.ClusterLoadAssignment:
		address := m.GetEndpoints()[0].GetLbEndpoints()[0].GetEndpoint().GetAddress()
		return m.GetClusterName(), fmt.Sprint(address.GetSocketAddress().GetPortValue())
	case *listenerv3.Listener:
		return m.GetName(), m.GetStatPrefix()
	case *routev3.RouteConfiguration:
		action := m.GetVirtualHosts()[0].GetRoutes()[0].GetRoute()
		return m.GetName(), strings.TrimPrefix(action.GetCluster(), "c")
	case *runtimev3.Runtime:
		return m.GetName(), "0"
	}
	panic(fmt.Sprintf("a resource of type %T", m))
}

// subject is the server that is tested.
type subject struct {
	*xds.Server

	t    testing.TB
	conn *grpc.ClientConn
	addr string
	stop func()

	mu     sync.Mutex
	events []xds.Event
}

// serve starts a server that ends with the test.
func serve(t testing.TB, o xds.Options) *subject {
	t.Helper()
	s := &subject{t: t}
	o.Observe = func(e xds.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
	s.Server = xds.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, []net.Listener{l}) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	if s.conn, err = grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// put publishes what a text says.
func (s *subject) put(text string) *snapshot.Snapshot {
	s.t.Helper()
	snap, err := snapshot.Build(worldOf(text))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.Publish(s.t.Context(), snap); err != nil {
		s.t.Fatal(err)
	}
	return snap
}

// count returns how many events of a kind there were.
func (s *subject) count(kind xds.EventKind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// await waits until there were n events of a kind.
func (s *subject) await(kind xds.EventKind, n int) {
	s.t.Helper()
	deadline := time.After(conformWait)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.count(kind) < n {
		select {
		case <-deadline:
			s.t.Fatalf("%d events of kind %v, want %d", s.count(kind), kind, n)
		case <-tick.C:
		}
	}
}

// ads opens an ADS stream.
func (s *subject) ads(delta bool) *talk {
	s.t.Helper()
	return s.open("/envoy.service.discovery.v3.AggregatedDiscoveryService/", "AggregatedResources", delta)
}

// single opens a stream of one type.
func (s *subject) single(typ string, delta bool) *talk {
	s.t.Helper()
	return s.open(singles[typ][0], singles[typ][1], delta)
}

func (s *subject) open(service, plural string, delta bool) *talk {
	s.t.Helper()
	form := map[bool]string{false: "Stream", true: "Delta"}[delta]
	ctx, cancel := context.WithCancel(s.t.Context())
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, service+form+plural)
	if err != nil {
		s.t.Fatal(err)
	}
	x := &talk{
		t: s.t, stream: stream, delta: delta, node: &corev3.Node{Id: "conform", Cluster: "conform"},
		got: make(chan said), ended: make(chan error, 1),
		names: map[string][]string{}, asked: map[string]bool{}, last: map[string]said{},
		accepted: map[string]string{}, state: map[string]map[string]string{},
	}
	var hear sync.WaitGroup
	hear.Go(func() { x.hear(ctx) })
	x.hangUp = sync.OnceFunc(func() {
		cancel()
		hear.Wait()
	})
	s.t.Cleanup(x.hangUp)
	return x
}

// said is a response.
type said struct {
	typ, version, nonce string
	has                 map[string]string // editions by name
	removed             []string
	versions            map[string]string // by name, in delta
}

// String writes the response as tests do: "cds a=1 -b".
func (r said) String() string {
	words := []string{r.typ}
	for _, name := range slices.Sorted(maps.Keys(r.has)) {
		words = append(words, name+"="+r.has[name])
	}
	for _, name := range slices.Sorted(slices.Values(r.removed)) {
		words = append(words, "-"+name)
	}
	return strings.Join(words, " ")
}

// talk is a client on one stream. It says what it is told to and holds every
// response against what holds for all of them.
type talk struct {
	t      testing.TB
	stream grpc.ClientStream
	delta  bool
	node   *corev3.Node // sent with the first request alone
	got    chan said
	ended  chan error
	hangUp func()

	names    map[string][]string          // by type: what is asked for
	asked    map[string]bool              // types that ever were
	last     map[string]said              // by type
	accepted map[string]string            // by type: the version taken last
	state    map[string]map[string]string // by type: editions by name, as taken
	fences   int
}

func (x *talk) hear(ctx context.Context) {
	nonces := map[string]bool{}
	for {
		r, err := x.receive()
		if err == nil && (r.nonce == "" || nonces[r.nonce]) {
			err = fmt.Errorf("the nonce of %v is %q: none, or not new", r, r.nonce)
		}
		if err != nil {
			x.ended <- err
			return
		}
		nonces[r.nonce] = true
		select {
		case x.got <- r:
		case <-ctx.Done():
			return
		}
	}
}

func (x *talk) receive() (said, error) {
	if x.delta {
		var m discoveryv3.DeltaDiscoveryResponse
		if err := x.stream.RecvMsg(&m); err != nil {
			return said{}, err
		}
		return deltaSaid(&m)
	}
	var m discoveryv3.DiscoveryResponse
	if err := x.stream.RecvMsg(&m); err != nil {
		return said{}, err
	}
	return sotwSaid(&m)
}

func shortType(url string) string {
	for typ, u := range typeURLs {
		if u == url {
			return typ
		}
	}
	return url
}

func sotwSaid(m *discoveryv3.DiscoveryResponse) (said, error) {
	r := said{typ: shortType(m.GetTypeUrl()), version: m.GetVersionInfo(), nonce: m.GetNonce(), has: map[string]string{}}
	if r.version == "" {
		return r, fmt.Errorf("%v has no version_info", r)
	}
	for _, a := range m.GetResources() {
		if err := r.add(m.GetTypeUrl(), a); err != nil {
			return r, err
		}
	}
	return r, nil
}

func deltaSaid(m *discoveryv3.DeltaDiscoveryResponse) (said, error) {
	r := said{
		typ: shortType(m.GetTypeUrl()), version: m.GetSystemVersionInfo(), nonce: m.GetNonce(), removed: m.GetRemovedResources(),
		has: map[string]string{}, versions: map[string]string{},
	}
	for _, res := range m.GetResources() {
		if err := r.add(m.GetTypeUrl(), res.GetResource()); err != nil {
			return r, err
		}
		if _, ok := r.has[res.GetName()]; !ok {
			return r, fmt.Errorf("%v: a resource is named %q outside and not inside", r, res.GetName())
		}
		if res.GetVersion() == "" {
			return r, fmt.Errorf("%v: %s has no version", r, res.GetName())
		}
		r.versions[res.GetName()] = res.GetVersion()
	}
	for _, name := range r.removed {
		if _, ok := r.has[name]; ok {
			return r, fmt.Errorf("%v: %s is there and removed", r, name)
		}
	}
	return r, nil
}

// add takes a resource into a response. "Duplicate Resource Names": a response
// with one name twice is an error.
func (r said) add(typeURL string, a *anypb.Any) error {
	if a.GetTypeUrl() != typeURL {
		return fmt.Errorf("a %s in a response of type %s", a.GetTypeUrl(), typeURL)
	}
	m, err := a.UnmarshalNew()
	if err != nil {
		return err
	}
	name, edition := editionOf(m)
	if _, twice := r.has[name]; twice {
		return fmt.Errorf("%s is twice in %v", name, r)
	}
	r.has[name] = edition
	return nil
}

// ask subscribes to exactly these names, or to none that is named.
func (x *talk) ask(typ string, names ...string) {
	x.t.Helper()
	before := x.names[typ]
	x.names[typ], x.asked[typ] = names, true
	if !x.delta {
		x.send(&discoveryv3.DiscoveryRequest{
			Node: x.once(), TypeUrl: typeURLs[typ], ResourceNames: names,
			ResponseNonce: x.last[typ].nonce, VersionInfo: x.accepted[typ],
		})
		return
	}
	x.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: x.once(), TypeUrl: typeURLs[typ],
		ResourceNamesSubscribe: without(names, before), ResourceNamesUnsubscribe: without(before, names),
	})
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}

// change subscribes to and unsubscribes from names, in delta.
func (x *talk) change(typ string, subscribe, unsubscribe []string) {
	x.t.Helper()
	x.asked[typ] = true
	x.names[typ] = append(without(x.names[typ], unsubscribe), without(subscribe, x.names[typ])...)
	x.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: x.once(), TypeUrl: typeURLs[typ], ResourceNamesSubscribe: subscribe, ResourceNamesUnsubscribe: unsubscribe,
	})
}

// resume begins a delta subscription with versions that the client has.
func (x *talk) resume(typ string, versions, state map[string]string, names ...string) {
	x.t.Helper()
	x.asked[typ], x.names[typ], x.state[typ] = true, names, maps.Clone(state)
	x.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: x.once(), TypeUrl: typeURLs[typ], ResourceNamesSubscribe: names, InitialResourceVersions: versions,
	})
}

// ack takes a response, and what is in it.
func (x *talk) ack(r said) {
	x.t.Helper()
	x.accepted[r.typ] = r.version
	x.apply(r)
	x.answer(r, "")
}

// nack refuses a response, and uses nothing of it.
func (x *talk) nack(r said) {
	x.t.Helper()
	x.answer(r, "no")
}

func (x *talk) answer(r said, words string) {
	x.t.Helper()
	var refusal *rpcstatus.Status
	if words != "" {
		refusal = &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: words}
	}
	if x.delta {
		x.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURLs[r.typ], ResponseNonce: r.nonce, ErrorDetail: refusal})
		return
	}
	x.send(&discoveryv3.DiscoveryRequest{
		TypeUrl: typeURLs[r.typ], ResponseNonce: r.nonce, ErrorDetail: refusal,
		VersionInfo: x.accepted[r.typ], ResourceNames: x.names[r.typ],
	})
}

// apply does what "Deleting Resources" says: in the state of the world,
// listeners and clusters that are left out are gone, others stay.
func (x *talk) apply(r said) {
	if x.state[r.typ] == nil || !x.delta && (r.typ == "cds" || r.typ == "lds") {
		x.state[r.typ] = map[string]string{}
	}
	maps.Copy(x.state[r.typ], r.has)
	for _, name := range r.removed {
		delete(x.state[r.typ], name)
	}
}

func (x *talk) once() *corev3.Node {
	n := x.node
	x.node = nil
	return n
}

func (x *talk) send(m proto.Message) {
	x.t.Helper()
	if err := x.stream.SendMsg(m); err != nil && !errors.Is(err, io.EOF) {
		x.t.Fatal(err)
	}
}

// next returns the next response, which is of a type that was asked for.
func (x *talk) next() said {
	x.t.Helper()
	select {
	case r := <-x.got:
		if !x.asked[r.typ] {
			x.t.Fatalf("a response that nobody asked for: %v", r)
		}
		x.last[r.typ] = r
		return r
	case err := <-x.ended:
		x.t.Fatalf("the stream ended: %v", err)
	case <-time.After(conformWait):
		x.t.Fatal("no response")
	}
	return said{}
}

// want returns the next response, which is just this one.
func (x *talk) want(text string) said {
	x.t.Helper()
	r := x.next()
	if r.String() != text {
		x.t.Fatalf("the next response is %q, want %q", r, text)
	}
	return r
}

// take wants a response and takes it.
func (x *talk) take(text string) said {
	x.t.Helper()
	r := x.want(text)
	x.ack(r)
	return r
}

// form chooses what to expect by the form of the stream.
func (x *talk) form(sotw, delta string) string {
	if x.delta {
		return delta
	}
	return sotw
}

// status waits for the server to end the stream.
func (x *talk) status() *status.Status {
	x.t.Helper()
	select {
	case r := <-x.got:
		x.t.Fatalf("the next response is %q, want the end of the stream", r)
	case err := <-x.ended:
		return status.Convert(err)
	case <-time.After(conformWait):
		x.t.Fatal("the stream did not end")
	}
	return nil
}

// fence asks for a runtime layer that does not exist, which is answered at
// once, and returns what came before the answer. A server that is about to
// send something else as well may do so after the answer, but not after the
// answer to the next fence, whose request follows it.
func (x *talk) fence() []said {
	x.t.Helper()
	x.fences++
	layer := fmt.Sprint("fence-", x.fences)
	x.ask("rtds", layer)
	var before []said
	for {
		r := x.next()
		if r.typ != "rtds" {
			before = append(before, r)
			continue
		}
		x.ack(r)
		if _, ok := r.has[layer]; ok {
			return before
		}
	}
}

// silent fails if the server has anything to say.
func (x *talk) silent(when string) {
	x.t.Helper()
	for range 2 {
		if before := x.fence(); len(before) > 0 {
			x.t.Fatalf("%s: the next response is %q, want none", when, before)
		}
	}
}

// settled takes all that the server has to say now, and returns it.
func (x *talk) settled() []said {
	x.t.Helper()
	var all []said
	for calm := 0; calm < 2; calm++ {
		before := x.fence()
		for _, r := range before {
			x.ack(r)
			calm = -1
		}
		all = append(all, before...)
	}
	return all
}

// reach takes responses until the client has just this of a type, and returns
// them.
func (x *talk) reach(text string) []said {
	x.t.Helper()
	var all []said
	for !x.is(text) {
		r := x.next()
		x.ack(r)
		all = append(all, r)
	}
	return all
}

// is tells whether the client has just this of one type.
func (x *talk) is(text string) bool {
	typ, _, _ := strings.Cut(text, " ")
	return maps.Equal(x.state[typ], parse(text)[typ])
}

// has fails unless the client has just this of one type.
func (x *talk) has(text string) {
	x.t.Helper()
	if typ, _, _ := strings.Cut(text, " "); !x.is(text) {
		x.t.Fatalf("the client has %q, want %q", said{typ: typ, has: x.state[typ]}, text)
	}
}
