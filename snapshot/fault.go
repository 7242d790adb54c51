package snapshot

import (
	"fmt"
	"strings"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// A Fault is one thing wrong with one resource.
type Fault struct {
	Type string // type URL
	Name string // of the resource
	Msg  string // route configuration "http" does not exist
}

// Error is the fault with its resource: listener "http": ….
func (f Fault) Error() string { return fmt.Sprintf("%s %q: %s", kind(f.Type), f.Name, f.Msg) }

// kind is what Envoy's documentation calls a resource of a type.
func kind(typeURL string) string {
	switch typeURL {
	case resourcev3.ClusterType:
		return "cluster"
	case resourcev3.EndpointType:
		return "cluster load assignment"
	case resourcev3.ListenerType:
		return "listener"
	case resourcev3.RouteType:
		return "route configuration"
	case resourcev3.ScopedRouteType:
		return "scoped route configuration"
	case resourcev3.RuntimeType:
		return "runtime layer"
	case resourcev3.SecretType:
		return "secret"
	}
	return typeURL
}

// Faults is all that is wrong with a snapshot, sorted. It is the error that
// Check returns.
type Faults []Fault

// Error is the faults one below the other.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}
