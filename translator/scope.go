package translator

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"dragoman/diag"
	"dragoman/model"
)

// A scope is the object being translated: it names the problems found there.
type scope struct {
	origin model.Origin
	what   string // service cart
	found  *diag.Problems

	metadata *corev3.Metadata // of the service; all that is made of one shares it
}

// A message is an Envoy proto with Envoy's own constraints.
type message interface {
	proto.Message
	ValidateAll() error
}

// check reports what Envoy's constraints refuse. Envoy answers such a refusal
// by dropping the whole response, other people's resources included.
func (at scope) check(m message) {
	if err := m.ValidateAll(); err != nil {
		at.refuse(diag.Rejected, fmt.Sprintf("Envoy would refuse %s: %v", at.what, err))
	}
}

func (at scope) refuse(code diag.Code, msg string) {
	*at.found = append(*at.found, diag.Problem{
		Severity: diag.Error,
		Code:     code,
		File:     at.origin.File,
		Line:     at.origin.Line,
		Col:      at.origin.Col,
		Width:    1,
		Msg:      msg,
	})
}

// pack checks a message and wraps it. Constraints do not reach into an Any, so
// this is the last place where they can be checked.
func (at scope) pack(m message) *anypb.Any {
	at.check(m)
	out := new(anypb.Any)
	if err := anypb.MarshalFrom(out, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		at.refuse(diag.Rejected, fmt.Sprintf("%s cannot be encoded: %v", at.what, err))
	}
	return out
}

// unknown is what to panic with on a choice that the model does not have.
func unknown(kind string, choice any) string {
	return fmt.Sprintf("translator: unknown %s %v", kind, choice)
}
