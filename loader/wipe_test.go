package loader_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"dragoman/diag"
	"dragoman/loader"
)

// five are five services and their listener, a file each.
func five() map[string]string {
	out := map[string]string{"l": "listener: l\nport: 80\n"}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		out[name] = service(name, name+".com")
	}
	return out
}

// without removes files.
func without(names ...string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		out[n] = ""
	}
	return out
}

func TestMostServicesAtOnceAreHeld(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	held, emptied := []diag.Code{diag.MostGone}, []diag.Code{diag.Emptied}
	tests := map[string][]step{
		"fewer than half go":     {{without("a", "b"), []string{"c", "d", "e"}, nil, nil}},
		"most go":                {{without("a", "b", "c"), all, []string{"a", "b", "c"}, held}},
		"their listener as well": {{without("a", "b", "c", "l"), all, []string{"a", "b", "c", "l"}, held}},
		"all services":           {{without("a", "b", "c", "d", "e"), all, []string{"a", "b", "c", "d", "e"}, emptied}},
		"all there is":           {{without("a", "b", "c", "d", "e", "l"), all, []string{"a", "b", "c", "d", "e", "l"}, emptied}},
		"others come instead": {
			{map[string]string{"a": service("v", "v.com"), "b": service("w", "w.com"), "c": service("x", "x.com"), "d": service("d", "d.org")}, all, []string{"a", "b", "c"}, held},
		},
		"services only change their files": {
			{map[string]string{"a": "", "b": "", "c": "", "abc": service("a", "a.com") + "---\n" + service("b", "b.com") + "---\n" + service("c", "c.com")}, all, nil, nil},
		},
		"others move on": {
			{without("a", "b", "c"), all, []string{"a", "b", "c"}, held},
			{map[string]string{"d": service("d", "d.org"), "f": service("f", "f.com")}, append(all, "f"), []string{"a", "b", "c"}, held},
		},
		"they come back one by one": {
			{without("a", "b", "c", "d"), all, []string{"a", "b", "c", "d"}, held},
			{map[string]string{"a": service("a", "a.com")}, all, []string{"b", "c", "d"}, held},
			{map[string]string{"b": service("b", "b.com")}, all, []string{"c", "d"}, held},
			{map[string]string{"c": service("c", "c.com")}, all, []string{"d"}, held},
			{map[string]string{"d": service("d", "d.org")}, all, nil, nil},
		},
		"the rest goes, too": {
			{without("a", "b", "c"), all, []string{"a", "b", "c"}, held},
			{without("d"), all, []string{"a", "b", "c", "d"}, held},
		},
		"one is edited to lose less": {
			{map[string]string{"a": "", "b": "", "c": service("x", "x.com")}, all, []string{"a", "b", "c"}, held},
			{map[string]string{"b": service("b", "b.com")}, all, []string{"a", "c"}, held},
			{map[string]string{"c": service("y", "y.com")}, []string{"a", "b", "d", "e", "y"}, []string{"a"}, held},
		},
		"little by little": {
			{without("a", "b"), []string{"c", "d", "e"}, nil, nil},
			{without("c"), []string{"d", "e"}, nil, nil},
			{without("d"), []string{"e"}, nil, nil},
			{without("e"), []string{"e"}, []string{"e"}, emptied},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			l := loader.New(loader.Options{})
			apply(l, five())
			for i, s := range steps {
				wantStep(t, i, s, apply(l, s.change))
			}
		})
	}
}

func TestWhatIsHeldGoesWhenApproved(t *testing.T) {
	l := loader.New(loader.Options{})
	apply(l, five())
	apply(l, without("a", "b", "c", "l"))
	wantStep(t, 1, step{nil, []string{"d", "e"}, nil, nil}, l.Approve())
	wantStep(t, 2, step{nil, []string{"d", "e"}, nil, nil}, l.Approve()) // of nothing
	wantStep(t, 3, step{nil, []string{"d", "e"}, []string{"d", "e"}, []diag.Code{diag.Emptied}}, apply(l, without("d", "e")))
	res := l.Approve()
	wantStep(t, 4, step{nil, nil, nil, nil}, res)
	if !res.Changed {
		t.Error("nothing at all is not said to be a change")
	}
	wantStep(t, 5, step{nil, []string{"f"}, nil, nil}, apply(l, map[string]string{"f": service("f", "f.com")}))
}

func TestAllowEmptyHoldsNothing(t *testing.T) {
	l := loader.New(loader.Options{AllowEmpty: true})
	wantNone := func(what string, res loader.Result) {
		t.Helper()
		if res.Config != nil {
			t.Errorf("%s: there is a configuration before there was a document", what)
		}
	}
	wantNone("nothing", l.Apply(nil))
	apply(l, five())
	wantStep(t, 1, step{nil, []string{"e"}, nil, nil}, apply(l, without("a", "b", "c", "d")))
	wantStep(t, 2, step{nil, nil, nil, nil}, apply(l, without("e", "l")))
}

// One problem says what went and what to do, however much it is.
func TestTheHoldInWords(t *testing.T) {
	change := map[string]string{}
	for name := range strings.SplitSeq("abcdefghijklmnopqrst", "") {
		change[name] = service(name, name+".com")
	}
	l := loader.New(loader.Options{})
	apply(l, change)
	res := apply(l, without(slices.Collect(maps.Keys(change))[:19]...))
	if len(res.Problems) != 1 {
		t.Fatalf("problems %v, want one", res.Problems)
	}
	p := res.Problems[0]
	if !strings.HasSuffix(p.Msg, " and 9 more went at once, 19 of 20 services; what went still serves") || !strings.Contains(p.Hint, "--allow-empty") {
		t.Errorf("the problem is %q, %q", p.Msg, p.Hint)
	}
}
