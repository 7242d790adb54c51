package snapshot_test

import (
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/model"
	"dragoman/snapshot"
	"dragoman/translator"
)

// An Envoy gets the scopes of its own listeners with their routes, although no
// listener names any: also of one whose name another's begins with.
func TestAViewHasTheScopesOfItsListeners(t *testing.T) {
	cfg := &model.Config{
		Groups: map[string]*model.Group{"edge": {Name: "edge", Match: []model.NodeMatch{{ID: "edge"}}}},
		Listeners: map[string]*model.Listener{
			"http":   {Name: "http", Address: "127.0.0.1", Port: 1, RouteDiscovery: model.RoutesByScope},
			"http-2": {Name: "http-2", Address: "127.0.0.1", Port: 2, Groups: []string{"edge"}, RouteDiscovery: model.RoutesByScope},
		},
	}
	for name, listeners := range map[string][]string{"a": {"http"}, "b": {"http-2"}, "c": {"http", "http-2"}} {
		cfg.Services = cfg.Services.Put(&model.Service{
			Name: name, Hosts: []string{name + ".test"}, Listeners: listeners,
			Routes: []model.Route{{Action: &model.Respond{Status: 200}}},
		})
	}
	r, problems := translator.Translate(cfg, translator.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, err := snapshot.Build(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	for id, want := range map[string][]string{
		"edge":  {"http-2/*", "http-2/b.test", "http-2/c.test", "http/*", "http/a.test", "http/c.test"},
		"other": {"http/*", "http/a.test", "http/c.test"},
	} {
		for _, typeURL := range []string{resourcev3.ScopedRouteType, resourcev3.RouteType} {
			var got []string
			for res := range s.View(&corev3.Node{Id: id}).Set(typeURL).All() {
				got = append(got, res.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s has of %s %v, want %v", id, typeURL, got, want)
			}
		}
	}
}
