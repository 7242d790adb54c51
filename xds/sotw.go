package xds

import (
	"context"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
)

// sotwStream is what the generated services have in common.
type sotwStream interface {
	SendMsg(any) error
	Recv() (*discoveryv3.DiscoveryRequest, error)
	Context() context.Context
}

// sotwWire is the state of the world on the wire.
type sotwWire struct {
	stream sotwStream
	wholes *wholes
}

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

// send sends what a DiscoveryResponse is on the wire.
func (w sotwWire) send(m message) error {
	out := make(parcel, 1, 2+len(m.resources))
	out[0] = mem.SliceBuffer(head(m))
	if m.all != nil {
		out = append(out, w.wholes.of(m.all))
	}
	for _, r := range m.resources {
		out = append(out, mem.SliceBuffer(r.SotW()))
	}
	return w.stream.SendMsg(out)
}
