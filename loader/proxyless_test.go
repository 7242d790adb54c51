package loader_test

import (
	"testing"

	"dragoman/diag"
	"dragoman/loader"
)

// What gRPC clients have been given stays with them: the change that would take
// it away is held back, in whatever file it is.
func TestProxylessServicesStayReachable(t *testing.T) {
	const (
		shop   = "service: shop\nroutes: [{to: cart}]\nproxyless: true\n"
		grpc   = "service: cart\nupstream: grpc://10.0.0.1\n"
		web    = "service: cart\nupstream: http://10.0.0.1\n"
		http   = "service: http\nupstream: grpc://10.0.0.1\nproxyless: true\n"
		edge   = "listener: edge\nport: 80\n"
		listen = "listener: http\nport: 81\n"
	)
	tests := map[string][]step{
		"the upstream changes": {
			{map[string]string{"cart": grpc, "shop": shop}, []string{"cart", "shop"}, nil, nil},
			{map[string]string{"cart": web}, []string{"cart", "shop"}, []string{"cart"}, []diag.Code{diag.Proxyless}},
			{map[string]string{"cart": grpc}, []string{"cart", "shop"}, nil, nil},
		},
		"the service becomes proxyless": {
			{map[string]string{"cart": web, "shop": "service: shop\nroutes: [{to: cart}]\n"}, []string{"cart", "shop"}, nil, nil},
			{map[string]string{"shop": shop}, []string{"cart", "shop"}, []string{"shop"}, []diag.Code{diag.Proxyless}},
		},
		"a listener of its name comes": {
			{map[string]string{"edge": edge, "http": http}, []string{"http"}, nil, nil},
			{map[string]string{"a": listen}, []string{"http"}, []string{"a"}, []diag.Code{diag.DuplicateName}},
		},
		"a service of a listener's name comes": {
			{map[string]string{"cart": grpc, "listen": listen}, []string{"cart"}, nil, []diag.Code{diag.Unused}},
			{map[string]string{"a": http}, []string{"cart"}, []string{"a"}, []diag.Code{diag.DuplicateName}},
		},
		"the listener that nobody describes comes": {
			{map[string]string{"http": http}, []string{"http"}, nil, nil},
			{map[string]string{"a": service("a", "a.com")}, []string{"http"}, []string{"a"}, []diag.Code{diag.DuplicateName}},
			{map[string]string{"a": service("a", "a.com") + "---\n" + edge}, []string{"a", "http"}, nil, nil},
		},
		"the listeners go": {
			{map[string]string{"a": service("a", "a.com"), "edge": edge, "http": http}, []string{"a", "http"}, nil, nil},
			{map[string]string{"edge": ""}, []string{"a", "http"}, []string{"edge"}, []diag.Code{diag.DuplicateName}},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			l := loader.New(loader.Options{})
			for i, s := range steps {
				wantStep(t, i, s, apply(l, s.change))
			}
		})
	}
}
