package main

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// rawCodec hands over the bytes of responses, and takes requests in pieces: what
// a client does with them is not what is measured, and a thousand clients share
// this process.
type rawCodec struct{}

// Marshal takes the pieces of a request as they are.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	var out mem.BufferSlice
	for _, piece := range v.([][]byte) {
		if len(piece) > 0 {
			out = append(out, mem.SliceBuffer(piece))
		}
	}
	return out, nil
}

// Unmarshal lends a response, which is to be freed.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*mem.Buffer) = data.MaterializeToBuffer(mem.DefaultBufferPool())
	return nil
}

// Name is the one that servers know.
func (rawCodec) Name() string { return "proto" }

// names are what is asked for by name, as they stand in a request of either
// form: marshalled once for all clients, and joined to the rest of the message.
type names struct {
	wire  []byte
	count int
}

// fieldNames is the number of resource_names and resource_names_subscribe.
const fieldNames = 3

func newNames(all []string) names {
	var wire []byte
	for _, name := range all {
		wire = protowire.AppendTag(wire, fieldNames, protowire.BytesType)
		wire = protowire.AppendString(wire, name)
	}
	return names{wire: wire, count: len(all)}
}

// request is the message with the names.
func request(m proto.Message, of names) ([][]byte, error) {
	head, err := proto.Marshal(m)
	return [][]byte{head, of.wire}, err
}

// response is what a client needs to know of one. Nothing is copied.
type response struct {
	typeURL, version, nonce string
	resources               int
}

// head reads the outer fields of a response. Their numbers are the same in both
// forms but for the type and the version's meaning.
// https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/discovery/v3/discovery.proto
func head(data []byte) (response, error) {
	var out response
	err := fields(data, func(num protowire.Number, value []byte) {
		switch int(num) {
		case 1:
			out.version = string(value)
		case 2:
			out.resources++
		case 4:
			out.typeURL = string(value)
		case 5:
			out.nonce = string(value)
		}
	})
	if err == nil && out.typeURL == "" {
		err = errors.New("a response without a type")
	}
	return out, err
}

// bodies calls f with each resource of a response, marshalled.
func bodies(data []byte, delta bool, f func(body []byte) error) error {
	var failed error
	err := fields(data, func(num protowire.Number, value []byte) {
		if num != 2 {
			return
		}
		if delta { // wrapped, with its name and version
			value = field(value, 2)
		}
		failed = errors.Join(failed, f(field(value, 2)))
	})
	return errors.Join(err, failed)
}

// field is the value of the first field of a number, and nil without one.
func field(data []byte, num protowire.Number) []byte {
	var out []byte
	_ = fields(data, func(n protowire.Number, value []byte) { // what is no message has no field
		if n == num && out == nil {
			out = value
		}
	})
	return out
}

// fields calls f with each field of a message that has a length.
func fields(data []byte, f func(num protowire.Number, value []byte)) error {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("reading a message: %w", protowire.ParseError(n))
		}
		data = data[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, data); n < 0 {
				return fmt.Errorf("reading a message: %w", protowire.ParseError(n))
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return fmt.Errorf("reading a message: %w", protowire.ParseError(n))
		}
		data = data[n:]
		f(num, value)
	}
	return nil
}
