package snapshot

import (
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// A plan says what to look for in the bytes of a field: in those of a message
// for some of its fields.
type plan struct {
	names  string                   // the type of the resource that it names
	packed bool                     // it is an Any
	refers protoreflect.MessageType // what it is, if its fields alone do not say what it refers to
	fields []func() *plan           // by number, those of messages and names; nil for all others
}

// planOf returns the plan of a type of message. It is made when one of the type
// is seen: most types that Envoy has are in no configuration.
func (e *examiner) planOf(d protoreflect.MessageDescriptor) *plan {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.plans[d.FullName()]
	if p == nil {
		p = e.newPlan(d)
		e.plans[d.FullName()] = p
	}
	return p
}

// newPlan makes a plan. Types of fields have theirs made later, also since a
// type may have fields of itself.
func (e *examiner) newPlan(d protoreflect.MessageDescriptor) *plan {
	p := new(plan)
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil { // entries of maps are not there
		zero := t.Zero().Interface()
		switch zero.(type) {
		case *anypb.Any:
			p.packed = true
			return p
		case *corev3.ConfigSource: // the clusters that xDS itself comes by are in the bootstrap
			return p
		case *structpb.Struct: // names nothing, and may be large
			return p
		}
		if _, refers := references(zero); refers {
			p.refers = t
		}
		if field, typeURL := naming(zero); field != "" {
			p.at(d.Fields().ByName(field).Number(), func() *plan { return &plan{names: typeURL} })
		}
	}
	for i := range d.Fields().Len() {
		if field := d.Fields().Get(i); field.Kind() == protoreflect.MessageKind {
			p.at(field.Number(), func() *plan { return e.planOf(field.Message()) })
		}
	}
	return p
}

func (p *plan) at(number protowire.Number, what func() *plan) {
	if missing := int(number) + 1 - len(p.fields); missing > 0 {
		p.fields = append(p.fields, make([]func() *plan, missing)...)
	}
	p.fields[number] = sync.OnceValue(what)
}

// look goes through the bytes that a plan is for. If they are of a message that
// is there, too, it need not be made again.
func (e *examiner) look(p *plan, m proto.Message, b []byte, f *findings) {
	switch {
	case p.packed:
		e.unpack(b, f)
		return
	case p.names != "":
		f.refer(p.names, b)
		return
	case p.refers != nil:
		if m == nil {
			m = p.refers.New().Interface()
			if err := proto.Unmarshal(b, m); err != nil {
				f.faults = append(f.faults, words(err))
			}
		}
		refs, _ := references(m)
		f.refs = append(f.refs, refs...)
	}
	if len(p.fields) == 0 {
		return
	}
	for len(b) > 0 {
		number, value, n := consume(b)
		if n < 0 {
			return // nothing is marshalled to this
		}
		b = b[n:]
		if value != nil && int(number) < len(p.fields) && p.fields[number] != nil {
			e.look(p.fields[number](), nil, value, f)
		}
	}
}

// consume returns the number of the first field, its value if that is bytes, and
// how long it is with its tag, which is negative if it is none.
func consume(b []byte) (number protowire.Number, value []byte, length int) {
	number, wire, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return 0, nil, tag
	}
	n := 0
	if wire == protowire.BytesType {
		value, n = protowire.ConsumeBytes(b[tag:])
	} else {
		n = protowire.ConsumeFieldValue(number, wire, b[tag:])
	}
	if n < 0 {
		return 0, nil, n
	}
	return number, value, tag + n
}
