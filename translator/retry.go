package translator

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"dragoman/diag"
	"dragoman/model"
)

// onStatuses is the condition under which Envoy looks at listed status codes.
const onStatuses = "retriable-status-codes"

func retryPolicy(at scope, r *model.Retry) *routev3.RetryPolicy {
	if r == nil {
		return nil
	}
	on := slices.Clone(r.On)
	if len(r.Statuses) > 0 && !slices.Contains(on, onStatuses) {
		on = append(on, onStatuses)
	}
	slices.Sort(on)
	out := &routev3.RetryPolicy{
		RetryOn:              strings.Join(on, ","),
		NumRetries:           wrapperspb.UInt32(r.Attempts),
		RetriableStatusCodes: r.Statuses,
	}
	if r.PerTryTimeout > 0 {
		out.PerTryTimeout = durationpb.New(r.PerTryTimeout)
	}
	out.RetryBackOff = backOff(at, r.Backoff)
	return out
}

// backOff is nil for Envoy's own. No constraint of the proto says which of the
// two must be the larger, but Envoy refuses it.
func backOff(at scope, b *model.Backoff) *routev3.RetryPolicy_RetryBackOff {
	if b == nil {
		return nil
	}
	out := &routev3.RetryPolicy_RetryBackOff{BaseInterval: durationpb.New(b.Base)}
	if b.Max > 0 {
		out.MaxInterval = durationpb.New(b.Max)
	}
	if b.Max > 0 && b.Max < b.Base {
		at.refuse(diag.BadValue, fmt.Sprintf("%s waits at most %v between tries, and at least %v", at.what, b.Max, b.Base))
	}
	return out
}
