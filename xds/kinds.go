package xds

import (
	"slices"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/snapshot"
)

// served tells whether a type can be asked for.
func served(typeURL string) bool { return slices.Contains(snapshot.Types(), typeURL) }

// switches tells whether resources of a type send requests somewhere: they are
// changed once what they need is there.
func switches(typeURL string) bool {
	switch typeURL {
	case resourcev3.ListenerType, resourcev3.RouteType, resourcev3.ScopedRouteType, resourcev3.VirtualHostType:
		return true
	}
	return false
}

// lingers tells whether resources of a type that are gone stay for a while.
// Listeners go with the switch, and take their scopes along; so does the scope of
// a host that is gone, while its routes linger.
func lingers(typeURL string) bool {
	return typeURL != resourcev3.ListenerType && typeURL != resourcev3.ScopedRouteType
}

// whole tells whether a response of the state of the world has all resources
// of a type: what is not in it is gone. Of other types it has what changed.
func whole(typeURL string) bool {
	switch typeURL {
	case resourcev3.ClusterType, resourcev3.ListenerType, resourcev3.ScopedRouteType:
		return true
	}
	return false
}

// wildcards tells whether a client may ask for everything of a type. Of
// secrets it gets those that it can name.
func wildcards(typeURL string) bool { return typeURL != resourcev3.SecretType }
