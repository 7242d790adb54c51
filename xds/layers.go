package xds

import (
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// An Envoy waits 15 s at its start for a runtime layer that nobody answers
// for, so that one asked for by name and not in the snapshot is answered with
// an empty one. Envoys have one or two layers.
const maxLayers = 64

// emptyVersion is the version of an empty layer in delta. In the other form
// the response's version is that of the type.
const emptyVersion = "empty"

// askLayers takes note of the layers asked for by name.
func (p *progress) askLayers(sub cachev3.Subscription) error {
	asked := sub.SubscribedResources()
	if len(asked) > maxLayers {
		return status.Errorf(codes.InvalidArgument, "%d runtime layers, at most %d are served", len(asked), maxLayers)
	}
	for name := range asked {
		if name == "" || len(name) > maxName {
			return status.Errorf(codes.InvalidArgument, "the name of a runtime layer has %d bytes, want 1 to %d", len(name), maxName)
		}
		if _, ok := p.layers[name]; !ok {
			p.layers[name] = false
		}
	}
	maps.DeleteFunc(p.layers, func(name string, _ bool) bool {
		_, ok := asked[name]
		return !ok
	})
	return nil
}

// newLayers returns the layers that are asked for and not answered yet.
func (p *progress) newLayers() []string {
	var out []string
	for name, answered := range p.layers {
		if !answered {
			out = append(out, name)
		}
	}
	return out
}

// fillLayers adds empty layers to a response for those that it lacks.
func (p *progress) fillLayers(r *discoveryv3.DiscoveryResponse) {
	there := map[string]bool{}
	for _, res := range r.GetResources() {
		var layer runtimev3.Runtime
		if err := res.UnmarshalTo(&layer); err != nil {
			panic(err) // the library has just packed it
		}
		there[layer.GetName()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.layers)) {
		p.layers[name] = true
		if !there[name] {
			r.Resources = append(r.Resources, emptyLayer(name))
		}
	}
}

// fillDeltaLayers turns layers that a response removes, which Envoy asked for,
// into empty ones.
func (p *progress) fillDeltaLayers(r *discoveryv3.DeltaDiscoveryResponse) {
	for _, res := range r.GetResources() {
		p.answered(res.GetName())
	}
	r.RemovedResources = slices.DeleteFunc(r.GetRemovedResources(), func(name string) bool {
		if !p.answered(name) {
			return false
		}
		r.Resources = append(r.Resources, &discoveryv3.Resource{Name: name, Version: emptyVersion, Resource: emptyLayer(name)})
		return true
	})
}

// answered marks a layer and tells whether it is asked for by name.
func (p *progress) answered(name string) bool {
	_, asked := p.layers[name]
	if asked {
		p.layers[name] = true
	}
	return asked
}

func emptyLayer(name string) *anypb.Any {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(&runtimev3.Runtime{Name: name})
	if err != nil {
		panic(err) // a name came as a valid string in a proto
	}
	return &anypb.Any{TypeUrl: resourcev3.RuntimeType, Value: value}
}
