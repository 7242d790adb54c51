package translator

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"dragoman/diag"
	"dragoman/model"
)

// A Translator translates one configuration after another, and what a service
// becomes just once: whoever makes the configurations keeps a service's pointer
// as long as nothing about it changes. The result is the same as without
// memory, down to the pointers where nothing has changed.
type Translator struct {
	options  Options
	services map[*model.Service]*translated // of the last configuration
}

// New returns a translator that remembers nothing yet.
func New(o Options) *Translator { return &Translator{options: o} }

// translated is what a service becomes by itself.
type translated struct {
	cluster    *clusterv3.Cluster                // nil without an upstream
	assignment *endpointv3.ClusterLoadAssignment // nil unless the endpoints are addresses
	entries    []entry
	targets    []*model.Service // those whose upstream decides about its routes
	found      diag.Problems
}

// service translates a service, or returns what it became before.
func (t *Translator) service(services model.Services, s *model.Service, roots string) *translated {
	if old := t.services[s]; old != nil && old.stands(services) {
		return old
	}
	out := &translated{targets: targets(services, s)}
	at := scope{origin: s.Origin, what: "service " + s.Name, found: &out.found}
	if s.Upstream != nil {
		out.cluster = cluster(at, s, roots)
		if s.Upstream.Discovery == model.Addresses {
			out.assignment = loadAssignment(s.Name, s.Upstream.Endpoints)
			at.check(out.assignment)
		}
	}
	out.entries = entriesOf(services, s, &out.found)
	checkHosts(s, &out.found)
	return out
}

// stands tells whether the services that it depends on are what they were.
func (t *translated) stands(services model.Services) bool {
	for _, target := range t.targets {
		if services.Get(target.Name) != target {
			return false
		}
	}
	return true
}

// targets are the services that the routes of one send to.
func targets(services model.Services, s *model.Service) []*model.Service {
	var out []*model.Service
	for i := range s.Routes {
		if f, ok := s.Routes[i].Action.(*model.Forward); ok {
			for _, to := range f.To {
				if to.Service != s.Name {
					out = append(out, services.Get(to.Service))
				}
			}
		}
	}
	return out
}
