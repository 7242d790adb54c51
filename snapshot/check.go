package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// Check refuses a snapshot that Envoy would refuse, or accept and then not
// serve: Envoy acknowledges a route to a cluster that does not exist and
// answers 503, and it waits 15 s for a route configuration or a load
// assignment that never comes. The error is Faults.
//
// Envoy's own constraints are asked of every resource and of every message
// packed inside one: a response with a violation is refused whole, with all
// the good resources in it.
//
// A Builder knows of most snapshots without a fault that they are, from what has
// changed since the last one. All others are looked at as a whole, here.
func (s *Snapshot) Check() error {
	if s.sound.Load() {
		return nil
	}
	faults := slices.Clone(s.faults)
	used := map[string]bool{} // route configurations that listeners refer to
	for typeURL, set := range s.sets {
		for r := range set.All() {
			for _, need := range r.Needs {
				used[need.Name] = used[need.Name] || need.Type == resourcev3.RouteType
				if s.All(need.Type).Get(need.Name) == nil {
					faults = append(faults, Fault{typeURL, r.Name, fmt.Sprintf("%s %q does not exist", kind(need.Type), need.Name)})
				}
			}
		}
	}
	for r := range s.All(resourcev3.RouteType).All() {
		if !used[r.Name] {
			faults = append(faults, Fault{resourcev3.RouteType, r.Name, "no listener refers to it"})
		}
	}
	faults = append(faults, s.addresses()...)
	if len(faults) == 0 {
		s.sound.Store(true)
		return nil
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Msg, b.Msg))
	})
	return Faults(slices.Compact(faults))
}

// addresses finds listeners that are bound to one address in one Envoy. Of
// those that are for different groups nobody knows before an Envoy is in both.
func (s *Snapshot) addresses() Faults {
	var out Faults
	bound := map[string][]string{} // listeners by where they are bound
	for r := range s.All(resourcev3.ListenerType).All() {
		for _, where := range s.places[r.Name] {
			i := slices.IndexFunc(bound[where], func(other string) bool { return s.meet(r.Name, other) })
			if i >= 0 {
				out = append(out, Fault{resourcev3.ListenerType, r.Name, fmt.Sprintf("listener %q has the same address, %s", bound[where][i], where)})
				continue
			}
			bound[where] = append(bound[where], r.Name)
		}
	}
	return out
}

// meet says that every Envoy that has the one listener, or some group of them,
// has the other as well.
func (s *Snapshot) meet(a, b string) bool {
	one, other := s.groupsOf[a], s.groupsOf[b]
	return len(one) == 0 || len(other) == 0 ||
		slices.ContainsFunc(one, func(g string) bool { return slices.Contains(other, g) })
}

// placesOf are the addresses of a listener that no other may have.
func placesOf(l *listenerv3.Listener) []string {
	all := []string{where(l.GetAddress())}
	for _, more := range l.GetAdditionalAddresses() {
		all = append(all, where(more.GetAddress()))
	}
	return slices.DeleteFunc(all, func(address string) bool { return address == "" })
}

// where is an address as it is compared, or "" for one that can be had twice:
// none at all, or a port that the kernel chooses.
func where(a *corev3.Address) string {
	if path := a.GetPipe().GetPath(); path != "" {
		return path
	}
	s := a.GetSocketAddress()
	if s.GetPortValue() == 0 {
		return ""
	}
	host := s.GetAddress()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String() // ::1 has other spellings
	}
	return fmt.Sprintf("%s %s port %d", s.GetProtocol(), host, s.GetPortValue())
}
