package xds

import (
	"sync"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"dragoman/snapshot"
)

// A parcel is a response that is marshalled already, in parts: the first is the
// stream's own, the others are shared with all streams that are sent the same.
// It goes to the connection without a copy.
type parcel mem.BufferSlice

// codec takes parcels, and is grpc's own for all else that the server sends and
// receives. It is registered nowhere: only this server has it.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal encodes a message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if p, ok := v.(parcel); ok {
		return mem.BufferSlice(p), nil
	}
	return c.CodecV2.Marshal(v)
}

// The numbers of the fields of responses, beside their resources. Those that
// both forms have are the same in both.
const (
	fieldVersion = 1
	fieldTypeURL = 4
	fieldNonce   = 5
	fieldRemoved = 6 // of delta
)

// field writes a field of text, unless it is empty.
func field(to []byte, number protowire.Number, text string) []byte {
	if text == "" {
		return to
	}
	return protowire.AppendString(protowire.AppendTag(to, number, protowire.BytesType), text)
}

// head writes what both forms of a response have of a message.
func head(m message) []byte {
	out := make([]byte, 0, 16+len(m.typeURL)+len(m.version)+len(m.nonce))
	return field(field(field(out, fieldVersion, m.version), fieldTypeURL, m.typeURL), fieldNonce, m.nonce)
}

// wholes are sets as the state of the world has them in a response, each made
// once for all streams that get it.
type wholes struct {
	mu    sync.Mutex
	known map[*snapshot.Set]mem.SliceBuffer
}

// of are the bytes of what an Envoy gets that wants all of a set.
func (w *wholes) of(set *snapshot.Set) mem.SliceBuffer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b, ok := w.known[set]; ok {
		return b
	}
	var n int
	for r := range set.All() {
		n += len(r.SotW())
	}
	out := make([]byte, 0, n)
	for r := range set.All() {
		if !r.OnDemand {
			out = append(out, r.SotW()...)
		}
	}
	if w.known == nil {
		w.known = map[*snapshot.Set]mem.SliceBuffer{}
	}
	w.known[set] = out
	return out
}

// forget drops what is remembered. Streams that are sending it have it until
// they are done.
func (w *wholes) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = nil
}
