package loader_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
)

// service is a one-service file.
func service(name, host string, more ...string) string {
	return "service: " + name + "\nhosts: [" + host + "]\nupstream: http://10.0.0.1:80\n" + strings.Join(more, "\n") + "\n"
}

// A step changes files: "" deletes one.
type step struct {
	change map[string]string
	serves []string    // services afterwards
	held   []string    // files held back
	codes  []diag.Code // of the problems, in order
}

func apply(l *loader.Loader, change map[string]string) loader.Result {
	var sources []loader.Source
	for _, path := range slices.Sorted(maps.Keys(change)) {
		sources = append(sources, loader.Source{Path: path, Data: []byte(change[path]), Gone: change[path] == ""})
	}
	return l.Apply(sources)
}

func TestLastGoodContentServes(t *testing.T) {
	const broken = "service: [\n"
	tests := map[string][]step{
		"a bad file beside good ones": {
			{map[string]string{"a": service("a", "a.com"), "b": broken}, []string{"a"}, []string{"b"}, []diag.Code{diag.Syntax}},
			{map[string]string{"b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
		},
		"a good file turns bad": {
			{map[string]string{"a": service("a", "a.com"), "b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
			{map[string]string{"a": broken}, []string{"a", "b"}, []string{"a"}, []diag.Code{diag.Syntax}},
			{map[string]string{"b": service("b2", "b.com")}, []string{"a", "b2"}, []string{"a"}, []diag.Code{diag.Syntax}},
			{map[string]string{"a": service("a3", "a.com")}, []string{"a3", "b2"}, nil, nil},
		},
		"a file goes": {
			{map[string]string{"a": service("a", "a.com"), "b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
			{map[string]string{"a": ""}, []string{"b"}, nil, nil},
		},
		"the last file goes": {
			{map[string]string{"a": service("a", "a.com")}, []string{"a"}, nil, nil},
			{map[string]string{"a": ""}, []string{"a"}, []string{"a"}, []diag.Code{diag.Emptied}},
			{map[string]string{"b": service("b", "b.com")}, []string{"a", "b"}, []string{"a"}, []diag.Code{diag.MostGone}},
			{map[string]string{"a": service("a", "a.com")}, []string{"a", "b"}, nil, nil},
		},
		"the newcomer to a name waits": {
			{map[string]string{"b": service("x", "b.com")}, []string{"x"}, nil, nil},
			{map[string]string{"a": service("x", "a.com")}, []string{"x"}, []string{"a"}, []diag.Code{diag.DuplicateName}},
			{map[string]string{"b": ""}, []string{"x"}, nil, nil},
		},
		"a service moves to another file in two steps": {
			{map[string]string{"a": service("x", "a.com"), "b": service("y", "y.com")}, []string{"x", "y"}, nil, nil},
			{map[string]string{"b": service("y", "y.com") + "---\n" + service("x", "a.com")}, []string{"x", "y"}, []string{"b"}, []diag.Code{diag.DuplicateName}},
			{map[string]string{"a": ""}, []string{"x", "y"}, nil, nil},
		},
		"a service in use is taken away": {
			{map[string]string{"a": service("a", "a.com", "routes: [{to: b}]"), "b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
			{map[string]string{"b": ""}, []string{"a", "b"}, []string{"b"}, []diag.Code{diag.StillUsed}},
			{map[string]string{"c": service("c", "c.com")}, []string{"a", "b", "c"}, []string{"b"}, []diag.Code{diag.StillUsed}},
			{map[string]string{"a": service("a", "a.com")}, []string{"a", "c"}, nil, nil},
		},
		"a reference to nothing": {
			{map[string]string{"a": service("a", "a.com")}, []string{"a"}, nil, nil},
			{map[string]string{"a": service("a", "a.com", "routes: [{to: b}]")}, []string{"a"}, []string{"a"}, []diag.Code{diag.UnknownName}},
			{map[string]string{"b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
		},
		"a conflict of routes": {
			{map[string]string{"b": service("b", "x.com")}, []string{"b"}, nil, nil},
			{map[string]string{"a": service("a", "x.com")}, []string{"b"}, []string{"a"}, []diag.Code{diag.SameRoute}},
			{map[string]string{"b": service("b", "b.com")}, []string{"a", "b"}, nil, nil},
		},
		"a second listener makes the first ambiguous": {
			{map[string]string{"a": service("a", "a.com"), "l": "listener: one\nport: 80\n"}, []string{"a"}, nil, nil},
			{map[string]string{"m": "listener: two\nport: 81\n"}, []string{"a"}, []string{"m"}, []diag.Code{diag.WhichListener}},
			{map[string]string{"l": "listener: one\nport: 80\ndefault: true\n"}, []string{"a"}, nil, nil},
		},
		"the default listener goes": {
			{map[string]string{"a": service("a", "a.com"), "l": "listener: one\nport: 80\ndefault: true\n", "m": "listener: two\nport: 81\n", "n": "listener: three\nport: 82\n"}, []string{"a"}, nil, nil},
			{map[string]string{"l": ""}, []string{"a"}, []string{"l"}, []diag.Code{diag.WhichListener}},
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

// wantStep compares what a change came to.
func wantStep(t *testing.T, i int, want step, res loader.Result) {
	t.Helper()
	var codes []diag.Code
	for _, p := range res.Problems {
		codes = append(codes, p.Code)
	}
	got := step{want.change, res.Config.Services.Keys(), res.Held, codes}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("step %d (-want +got):\n%s\nproblems:\n%v", i, diff, res.Problems)
	}
}

func TestNothingValidIsNoConfiguration(t *testing.T) {
	l := loader.New(loader.Options{})
	if res := apply(l, map[string]string{"a": "service: [\n"}); res.Config != nil || res.Changed {
		t.Errorf("Apply(a broken file) = %+v, want no configuration", res)
	}
	if res := apply(l, map[string]string{"a": ""}); res.Config != nil || res.Changed || len(res.Problems) != 0 {
		t.Errorf("Apply(its removal) = %+v, want nothing", res)
	}
}

func TestChangedOnlyWhenContentServes(t *testing.T) {
	l := loader.New(loader.Options{})
	for i, s := range []struct {
		content string
		want    bool
	}{
		{service("a", "a.com"), true},
		{service("a", "a.com"), false},
		{"service: [", false},
		{service("a", "a.com"), false},
		{service("a", "b.com"), true},
	} {
		if res := apply(l, map[string]string{"a": s.content}); res.Changed != s.want {
			t.Errorf("step %d: Changed = %t, want %t", i, res.Changed, s.want)
		}
	}
}

// A refusal by the check is treated as a problem of the file it names, also
// when that file has not changed.
func TestCheckHoldsBack(t *testing.T) {
	check := func(c *model.Config) diag.Problems {
		if s := c.Services.Get("b"); s != nil && c.Services.Len() > 1 {
			return diag.Problems{{Code: diag.Rejected, File: s.Origin.File, Line: s.Origin.Line, Col: 1, Width: 1, Msg: "no"}}
		}
		return nil
	}
	l := loader.New(loader.Options{Check: check})
	apply(l, map[string]string{"a": service("a", "a.com")})
	res := apply(l, map[string]string{"b": service("b", "b.com"), "c": service("c", "c.com")})
	if got, want := res.Config.Services.Keys(), []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("a refused newcomer: services %v, want %v", got, want)
	}
	l = loader.New(loader.Options{Check: check})
	apply(l, map[string]string{"b": service("b", "b.com")})
	res = apply(l, map[string]string{"a": service("a", "a.com")})
	if got, want := res.Config.Services.Keys(), []string{"b"}; !slices.Equal(got, want) {
		t.Errorf("a change that makes another's file wrong: services %v, want %v", got, want)
	}
	if !slices.Equal(res.Held, []string{"a"}) {
		t.Errorf("held %v, want [a]", res.Held)
	}
}

// A long chain of services that each need the next falls as a whole, soon,
// when the last is missing.
func TestLongChains(t *testing.T) {
	change := map[string]string{"ok": service("ok", "ok.com")}
	for i := range 1000 {
		name := fmt.Sprintf("s%d", i)
		change[name] = service(name, name+".com", fmt.Sprintf("routes: [{to: s%d}]", i+1))
	}
	l := loader.New(loader.Options{})
	if res := apply(l, change); res.Config != nil && res.Config.Services.Len() > 1 {
		t.Errorf("%d services serve, want at most the one that needs none", res.Config.Services.Len())
	}
	change = map[string]string{"s1000": service("s1000", "s1000.com")}
	if res := apply(l, change); res.Config.Services.Len() != 1002 || len(res.Problems) != 0 {
		t.Errorf("when the last is there: %d services, problems %v", res.Config.Services.Len(), res.Problems)
	}
}

// What has not changed is the same object, which lets those behind skip it.
func TestUnchangedServicesAreTheSame(t *testing.T) {
	l := loader.New(loader.Options{})
	before := apply(l, map[string]string{"a": service("a", "a.com"), "b": service("b", "b.com")}).Config
	after := apply(l, map[string]string{"b": service("b", "b.org")}).Config
	if before.Services.Get("a") != after.Services.Get("a") {
		t.Error("an unchanged service was made anew")
	}
	if before.Services.Get("b") == after.Services.Get("b") {
		t.Error("a changed service is the old one")
	}
	after = apply(l, map[string]string{"l": "listener: l\nport: 80\n"}).Config
	if got := after.Services.Get("a").Listeners; !slices.Equal(got, []string{"l"}) {
		t.Errorf("listeners of a = %v, want [l]", got)
	}
}
