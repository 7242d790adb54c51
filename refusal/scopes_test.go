package refusal_test

import (
	"testing"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/model"
	"dragoman/refusal"
)

// A scope and its routes are named after a listener and a host.
func TestOriginOfAScope(t *testing.T) {
	at := model.Origin{File: "listener.yaml", Line: 3, Col: 1}
	cfg := &model.Config{Listeners: map[string]*model.Listener{"http": {Name: "http", Origin: at}}}
	for _, typeURL := range []string{resource.ScopedRouteType, resource.RouteType} {
		for _, name := range []string{"http/*", "http/shop.example.com"} {
			if got, ok := refusal.Origin(cfg, typeURL, name); !ok || got != at {
				t.Errorf("%s %s is at %v, %t", typeURL, name, got, ok)
			}
		}
		if got, ok := refusal.Origin(cfg, typeURL, "other/*"); ok {
			t.Errorf("%s of no listener is at %v", typeURL, got)
		}
	}
}
