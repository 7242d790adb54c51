package main

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
)

// interest is what a client of a subject asks for by name, as Envoy would: what
// the clusters, listeners and scopes that it was sent name. One client learns it,
// the others are told.
type interest struct {
	endpoints names
	routes    names
	scoped    bool // routes are found by scopes
}

// lesson is what a client has learned so far.
type lesson struct {
	endpoints, routes []string
	known             map[string]bool // routes
	scoped            bool
}

// learn reads what other resources a response leads to.
func (l *lesson) learn(typeURL string, data []byte, delta bool) error {
	return bodies(data, delta, func(body []byte) error {
		switch typeURL {
		case resourcev3.ClusterType:
			l.cluster(body)
		case resourcev3.ListenerType:
			return l.listener(body)
		case resourcev3.ScopedRouteType:
			l.route(string(field(body, 2))) // route_configuration_name
		}
		return nil
	})
}

// cluster reads those fields alone that matter: there are many.
func (l *lesson) cluster(body []byte) {
	eds := field(body, 3) // eds_cluster_config
	if eds == nil {
		return
	}
	name := field(eds, 2) // service_name
	if name == nil {
		name = field(body, 1)
	}
	l.endpoints = append(l.endpoints, string(name))
}

func (l *lesson) listener(body []byte) error {
	m := new(listenerv3.Listener)
	if err := proto.Unmarshal(body, m); err != nil {
		return err
	}
	chains := m.GetFilterChains()
	if m.GetDefaultFilterChain() != nil {
		chains = append(chains, m.GetDefaultFilterChain())
	}
	for _, chain := range chains {
		for _, filter := range chain.GetFilters() {
			if err := l.manager(filter); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lesson) manager(filter *listenerv3.Filter) error {
	m := new(hcmv3.HttpConnectionManager)
	if !filter.GetTypedConfig().MessageIs(m) {
		return nil
	}
	if err := filter.GetTypedConfig().UnmarshalTo(m); err != nil {
		return err
	}
	l.scoped = l.scoped || m.GetScopedRoutes() != nil
	l.route(m.GetRds().GetRouteConfigName())
	return nil
}

func (l *lesson) route(name string) {
	if name == "" || l.known[name] {
		return
	}
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[name] = true
	l.routes = append(l.routes, name)
}
