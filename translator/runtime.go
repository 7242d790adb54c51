package translator

import (
	"fmt"

	runtimev3 "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"dragoman/diag"
	"dragoman/model"
)

// runtime is one RTDS layer.
func runtime(at scope, r *model.Runtime) *runtimev3.Runtime {
	layer, err := structpb.NewStruct(r.Values)
	if err != nil {
		at.refuse(diag.Rejected, fmt.Sprintf("%s has a value that Envoy cannot hold: %v", at.what, err))
	}
	out := &runtimev3.Runtime{Name: r.Name, Layer: layer}
	at.check(out)
	return out
}
