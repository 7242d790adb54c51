package snapshot

import resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

// Drained are the listeners, sorted, whose connections Envoys drain when they
// go on to the next snapshot: those that it changes or lacks. Envoy takes new
// connections by the new listener, and asks clients to leave those of the old
// one until they have or its drain time is over.
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining
func (s *Snapshot) Drained(next *Snapshot) []string {
	var out []string
	for _, c := range Changes(s.All(resourcev3.ListenerType), next.All(resourcev3.ListenerType)) {
		if c.Old != nil && !c.Old.OnDemand && (c.New == nil || c.New.Version != c.Old.Version) {
			out = append(out, c.Key())
		}
	}
	return out
}
