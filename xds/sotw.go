package xds

import (
	"context"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// sotwStream is what the generated services have in common.
type sotwStream interface {
	Send(*discoveryv3.DiscoveryResponse) error
	Recv() (*discoveryv3.DiscoveryRequest, error)
	Context() context.Context
}

// sotwWire is the state of the world on the wire.
type sotwWire struct{ stream sotwStream }

func (w sotwWire) receive() (request, error) {
	r, err := w.stream.Recv()
	if err != nil {
		return request{}, err
	}
	return request{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), nonce: r.GetResponseNonce(), refusal: r.GetErrorDetail(),
		version: r.GetVersionInfo(), names: r.GetResourceNames(),
	}, nil
}

func (w sotwWire) send(m message) error {
	bodies := make([]*anypb.Any, len(m.resources))
	for i, r := range m.resources {
		bodies[i] = r.Body
	}
	return w.stream.Send(&discoveryv3.DiscoveryResponse{
		TypeUrl: m.typeURL, VersionInfo: m.version, Nonce: m.nonce, Resources: bodies,
	})
}
