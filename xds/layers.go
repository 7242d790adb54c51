package xds

import (
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"dragoman/snapshot"
)

// An Envoy waits 15 s at its start for a runtime layer that nobody answers
// for, so that one asked for by name and not in the snapshot is answered with
// an empty one. Envoys have one or two layers.
const maxLayers = 64

// emptyVersion is the version of an empty layer in delta. In the other form
// the response's version is that of the type.
const emptyVersion = "empty"

// checkLayers refuses layers that nobody could have.
func (p *progress) checkLayers() error {
	if p.typeURL != resourcev3.RuntimeType {
		return nil
	}
	if p.names.len() > maxLayers {
		return status.Errorf(codes.InvalidArgument, "%d runtime layers, at most %d are served", p.names.len(), maxLayers)
	}
	for name := range p.names.all() {
		if name == "" || len(name) > maxName {
			return status.Errorf(codes.InvalidArgument, "the name of a runtime layer has %d bytes, want 1 to %d", len(name), maxName)
		}
	}
	return nil
}

func emptyLayer(name string) *snapshot.Resource {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(&runtimev3.Runtime{Name: name})
	if err != nil {
		panic(err) // a name came as a valid string in a proto
	}
	return snapshot.NewResource(resourcev3.RuntimeType, name, emptyVersion, value)
}
