package translator

import "dragoman/model"

// DefaultScopedRoutesAbove is from how many hosts on, without a wildcard, a
// listener has a scope for each. Below it one table is cheap for an Envoy to
// build anew, and a scope costs it some memory and start-up time.
const DefaultScopedRoutesAbove = 500

// modeOf chooses how Envoys get the routes of a listener: nothing but the
// configuration decides, so that all Dragomans and every restart agree.
func modeOf(wanted model.RouteDiscovery, exactHosts, above int) model.RouteDiscovery {
	switch wanted {
	case model.RoutesInOneTable, model.RoutesByScope:
		return wanted
	case model.RoutesByNumber:
		if exactHosts > above {
			return model.RoutesByScope
		}
		return model.RoutesInOneTable
	}
	panic(unknown("route discovery", wanted))
}
