package loader_test

import (
	"testing"

	"dragoman/diag"
	"dragoman/loader"
)

func TestFreezeIsAllOrNothing(t *testing.T) {
	const broken = "service: [\n"
	two := map[string]string{"a": service("a", "a.com"), "b": service("b", "b.com")}
	tests := map[string][]step{
		"a bad file and a good one": {
			{map[string]string{"a": broken, "b": service("b2", "b.com")}, []string{"a", "b"}, []string{"a", "b"}, []diag.Code{diag.Frozen, diag.Syntax}},
			{map[string]string{"c": service("c", "c.com")}, []string{"a", "b"}, []string{"a", "b", "c"}, []diag.Code{diag.Frozen, diag.Syntax}},
			{map[string]string{"a": service("a", "a.org")}, []string{"a", "b2", "c"}, nil, nil},
		},
		"a bad file by itself": {
			{map[string]string{"a": broken}, []string{"a", "b"}, []string{"a"}, []diag.Code{diag.Syntax}},
			{map[string]string{"b": ""}, []string{"a", "b"}, []string{"a", "b"}, []diag.Code{diag.Frozen, diag.Syntax}},
			{map[string]string{"a": ""}, []string{"a", "b"}, []string{"a", "b"}, []diag.Code{diag.Emptied}},
			{map[string]string{"b": service("b", "b.com")}, []string{"a", "b"}, []string{"a"}, []diag.Code{diag.MostGone}},
		},
		"a conflict": {
			{map[string]string{"b": service("b", "a.com"), "c": service("c", "c.com")}, []string{"a", "b"}, []string{"b", "c"}, []diag.Code{diag.Frozen, diag.SameRoute}},
			{map[string]string{"a": service("a", "a.org")}, []string{"a", "b", "c"}, nil, nil},
		},
		"a warning": {
			{map[string]string{"a": service("a", "a.com", "upstream: http://10.0.0.1:80")}, []string{"a", "b"}, []string{"a"}, []diag.Code{diag.DuplicateKey}},
			{map[string]string{"a": service("a", "a.com", "routes: [{prefix: /x}]"), "b": service("b", "'*'")}, []string{"a", "b"}, nil, []diag.Code{diag.NoFallThrough}},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			l := loader.New(loader.Options{Freeze: true})
			apply(l, two)
			for i, s := range steps {
				wantStep(t, i, s, apply(l, s.change))
			}
		})
	}
}

func TestFreezeBeginsWithNothing(t *testing.T) {
	l := loader.New(loader.Options{Freeze: true})
	if res := apply(l, map[string]string{"a": service("a", "a.com"), "b": "service: ["}); res.Config != nil || len(res.Held) != 2 {
		t.Errorf("Apply(a good and a bad file) serves %v and holds %v, want nothing and both", res.Config, res.Held)
	}
	wantStep(t, 1, step{nil, []string{"a"}, nil, nil}, apply(l, map[string]string{"b": ""}))
}
