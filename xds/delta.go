package xds

import (
	"context"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// deltaStream is what the generated services have in common.
type deltaStream interface {
	Send(*discoveryv3.DeltaDiscoveryResponse) error
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

func (w deltaWire) send(m message) error {
	resources := make([]*discoveryv3.Resource, len(m.resources))
	for i, r := range m.resources {
		resources[i] = &discoveryv3.Resource{Name: r.Name, Version: r.Version, Resource: r.Body}
	}
	return w.stream.Send(&discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: m.typeURL, SystemVersionInfo: m.version, Nonce: m.nonce,
		Resources: resources, RemovedResources: m.gone,
	})
}
