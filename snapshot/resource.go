package snapshot

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"
)

// A Resource is one resource in the form in which it is sent. It is made once,
// and shared by all Envoys that get it: nobody may change it.
type Resource struct {
	Name    string
	Version string // a hash of its content
	Body    *anypb.Any
	Needs   []Ref // what it refers to, sorted

	// OnDemand marks what an Envoy that wants everything is not sent: secrets,
	// and what is for gRPC clients. Who names it gets it.
	OnDemand bool

	delta []byte // as it stands in a response of delta; nil if it is not made yet
	sotw  []byte // the end of it, as it stands in one of the state of the world
	mark  mark   // its own; zero if it is not made yet
}

// A Ref names a resource.
type Ref struct{ Type, Name string }

// Key is the name.
func (r *Resource) Key() string { return r.Name }

// NewResource makes a resource of the bytes of a message.
func NewResource(typeURL, name, version string, value []byte) *Resource {
	h := head(typeURL, name, version, len(value))
	return h.resource(typeURL, name, version, append(h.bytes, value...))
}

// Delta is the resource as a field of a DeltaDiscoveryResponse, with its tag.
// Nobody may change it.
func (r *Resource) Delta() []byte {
	if r.delta != nil {
		return r.delta
	}
	return NewResource(r.Body.GetTypeUrl(), r.Name, r.Version, r.Body.GetValue()).delta
}

// SotW is the resource as a field of a DiscoveryResponse, with its tag. Nobody
// may change it.
func (r *Resource) SotW() []byte {
	if r.sotw != nil {
		return r.sotw
	}
	return NewResource(r.Body.GetTypeUrl(), r.Name, r.Version, r.Body.GetValue()).sotw
}

// The numbers of the fields that head writes, in messages that no release of
// xDS may change.
const (
	fieldResources = 2 // of DiscoveryResponse and DeltaDiscoveryResponse
	fieldName      = 3 // of Resource, as the next two
	fieldVersion   = 1
	fieldBody      = 2
	fieldTypeURL   = 1 // of Any, as the next one
	fieldValue     = 2
)

// A header is a resource as it stands in a response of delta, without its
// message, for which there is room. Its Any comes last, in a field that has the
// number of the resources of the older form: so the end of the bytes is the
// resource as it stands there, and the end of that is the message itself. All
// three are kept for the price of one.
type header struct {
	bytes []byte
	sotw  int // where the resource of the older form begins, and the version ends
}

// head writes a header for a message of some size.
func head(typeURL, name, version string, size int) header {
	inAny := sizeOf(fieldTypeURL, len(typeURL)) + sizeOf(fieldValue, size)
	in := sizeOf(fieldName, len(name)) + sizeOf(fieldVersion, len(version)) + sizeOf(fieldBody, inAny)
	out := make([]byte, 0, sizeOf(fieldResources, in))
	out = begin(out, fieldResources, in)
	out = append(begin(out, fieldName, len(name)), name...)
	out = append(begin(out, fieldVersion, len(version)), version...)
	sotw := len(out)
	out = begin(out, fieldBody, inAny)
	out = append(begin(out, fieldTypeURL, len(typeURL)), typeURL...)
	return header{begin(out, fieldValue, size), sotw}
}

// resource is one of the bytes of a header with the message behind them.
func (h header) resource(typeURL, name, version string, whole []byte) *Resource {
	all := &struct {
		Resource
		body anypb.Any
	}{
		Resource{Name: name, Version: version, delta: whole, sotw: whole[h.sotw:], mark: markOf(name, version)},
		anypb.Any{TypeUrl: typeURL, Value: whole[len(h.bytes):]},
	}
	all.Body = &all.body
	return &all.Resource
}

// begin writes the tag and the length of a field.
func begin(to []byte, number protowire.Number, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, number, protowire.BytesType), uint64(length))
}

func sizeOf(number protowire.Number, length int) int {
	return protowire.SizeTag(number) + protowire.SizeBytes(length)
}
