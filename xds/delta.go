package xds

import (
	"context"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
)

// deltaStream is what the generated services have in common.
type deltaStream interface {
	SendMsg(any) error
	Recv() (*discoveryv3.DeltaDiscoveryRequest, error)
	Context() context.Context
}

// deltaWire is delta on the wire.
type deltaWire struct{ stream deltaStream }

func (w deltaWire) receive() (request, error) {
	r, err := w.stream.Recv()
	if err != nil {
		return request{}, err
	}
	return request{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), nonce: r.GetResponseNonce(), refusal: r.GetErrorDetail(),
		subscribe: r.GetResourceNamesSubscribe(), unsubscribe: r.GetResourceNamesUnsubscribe(),
		initial: r.GetInitialResourceVersions(),
	}, nil
}

// send sends what a DeltaDiscoveryResponse is on the wire.
func (w deltaWire) send(m message) error {
	first := head(m)
	for _, name := range m.gone {
		first = field(first, fieldRemoved, name)
	}
	out := make(parcel, 1, 1+len(m.resources))
	out[0] = mem.SliceBuffer(first)
	for _, r := range m.resources {
		out = append(out, mem.SliceBuffer(r.Delta()))
	}
	return w.stream.SendMsg(out)
}
