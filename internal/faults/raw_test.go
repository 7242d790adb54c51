package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// A stream is an ADS stream of a client that is no Envoy and takes everything.
type stream struct {
	grpc.ClientStream

	delta bool
	node  *corev3.Node // sent with the first request
	names map[string][]string
}

// A response is one of either form.
type response struct {
	typeURL, nonce, version string
	names, removed          []string
	versions                map[string]string // by name, in delta
}

// connect returns a connection to a control plane that is tried again soon
// after it is lost.
func connect(t *testing.T, port int) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("localhost:%d", port),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.5, MaxDelay: time.Second}, MinConnectTimeout: 10 * time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func open(ctx context.Context, conn *grpc.ClientConn, form, node string) (*stream, error) {
	method := "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	if form == "delta" {
		method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.WaitForReady(true))
	if err != nil {
		return nil, err
	}
	return &stream{ClientStream: s, delta: form == "delta", node: &corev3.Node{Id: node, Cluster: "raw"}, names: map[string][]string{}}, nil
}

// ask subscribes to names of a type, or to all without any. In delta it says
// which of them it has.
func (s *stream) ask(typeURL string, has map[string]string, names ...string) error {
	s.names[typeURL] = names
	node := s.node
	s.node = nil
	var m proto.Message = &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: typeURL, ResourceNames: names}
	if s.delta {
		m = &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: typeURL, ResourceNamesSubscribe: names, InitialResourceVersions: has}
	}
	return s.send(m)
}

func (s *stream) send(m proto.Message) error {
	if err := s.SendMsg(m); err != nil && !errors.Is(err, io.EOF) { // what ended the stream is told on receiving
		return err
	}
	return nil
}

// next receives a response and accepts it.
func (s *stream) next() (response, error) {
	r, err := s.receive()
	if err != nil {
		return r, err
	}
	if s.delta {
		return r, s.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.typeURL, ResponseNonce: r.nonce})
	}
	return r, s.send(&discoveryv3.DiscoveryRequest{TypeUrl: r.typeURL, ResponseNonce: r.nonce, VersionInfo: r.version, ResourceNames: s.names[r.typeURL]})
}

func (s *stream) receive() (response, error) {
	if s.delta {
		var m discoveryv3.DeltaDiscoveryResponse
		if err := s.RecvMsg(&m); err != nil {
			return response{}, err
		}
		r := response{typeURL: m.GetTypeUrl(), nonce: m.GetNonce(), removed: m.GetRemovedResources(), versions: map[string]string{}}
		for _, res := range m.GetResources() {
			r.names = append(r.names, res.GetName())
			r.versions[res.GetName()] = res.GetVersion()
		}
		return r, nil
	}
	var m discoveryv3.DiscoveryResponse
	if err := s.RecvMsg(&m); err != nil {
		return response{}, err
	}
	r := response{typeURL: m.GetTypeUrl(), nonce: m.GetNonce(), version: m.GetVersionInfo()}
	for _, body := range m.GetResources() {
		name, err := nameOf(body.GetValue())
		if err != nil {
			return response{}, err
		}
		r.names = append(r.names, name)
	}
	return r, nil
}

// nameOf reads a resource's name, which is its first field in every type that
// these tests ask for.
func nameOf(body []byte) (string, error) {
	var named corev3.ControlPlane // a message whose first field is a text
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, &named); err != nil {
		return "", err
	}
	return named.GetIdentifier(), nil
}

// everything is all that a client may ask for without a name.
func everything() []string { return []string{resourcev3.ClusterType, resourcev3.ListenerType} }
