package loader_test

import (
	"strings"
	"testing"

	"dragoman/diag"
	"dragoman/loader"
	"dragoman/model"
	"dragoman/table"
)

// reject rejects what serves of some files.
func reject(l *loader.Loader, paths ...string) (loader.Result, bool) {
	var all []loader.Rejection
	for _, path := range paths {
		all = append(all, loader.Rejection{Content: l.Good().Get(path), Problem: diag.Problem{Code: diag.RolledBack, File: path, Line: 1, Col: 1, Msg: "refused"}})
	}
	return l.Reject(all)
}

// accepted are a, b and a listener, accepted.
func accepted(o loader.Options) *loader.Loader {
	l := loader.New(o)
	apply(l, map[string]string{"a": service("a", "a.com"), "b": service("b", "b.com"), "l": "listener: l\nport: 80\n"})
	l.Accept(l.Good(), nil)
	return l
}

func TestRejectedContents(t *testing.T) {
	back := []diag.Code{diag.RolledBack}
	tests := map[string]struct {
		change map[string]string // after everything was accepted
		reject []string
		want   step
		then   []step
	}{
		"an edit": {
			map[string]string{"a": service("a2", "a.com")},
			[]string{"a"},
			step{nil, []string{"a", "b"}, []string{"a"}, back},
			[]step{
				{map[string]string{"b": service("b2", "b.com")}, []string{"a", "b2"}, []string{"a"}, back},
				{map[string]string{"a": service("a3", "a.com")}, []string{"a3", "b2"}, nil, nil},
				{map[string]string{"a": service("a2", "a.com")}, []string{"a3", "b2"}, []string{"a"}, back}, // that again
				{map[string]string{"a": ""}, []string{"b2"}, nil, nil},
			},
		},
		"a new file": {
			map[string]string{"c": service("c", "c.com")},
			[]string{"c"},
			step{nil, []string{"a", "b"}, []string{"c"}, back},
			[]step{{map[string]string{"c": service("c", "c.org")}, []string{"a", "b", "c"}, nil, nil}},
		},
		"others stay": {
			map[string]string{"a": service("a2", "a.com"), "b": service("b2", "b.com"), "c": service("c", "c.com")},
			[]string{"a"},
			step{nil, []string{"a", "b2", "c"}, []string{"a"}, back},
			nil,
		},
		"what needs it goes back as well": {
			map[string]string{"a": service("a2", "a.com"), "b": "service: b\nhosts: [b.com]\nroutes: [{to: a2}]\n"},
			[]string{"a"},
			step{nil, []string{"a", "b"}, []string{"a", "b"}, []diag.Code{diag.RolledBack, diag.HeldBack}},
			nil,
		},
		"several": {
			map[string]string{"a": service("a2", "a.com"), "b": service("b2", "b.com")},
			[]string{"a", "b"},
			step{nil, []string{"a", "b"}, []string{"a", "b"}, []diag.Code{diag.RolledBack, diag.RolledBack}},
			nil,
		},
	}
	for name, tt := range tests {
		for _, freeze := range []bool{false, true} {
			t.Run(strings.Trim(name+map[bool]string{true: " frozen"}[freeze], " "), func(t *testing.T) {
				var checked *model.Config
				l := accepted(loader.Options{Freeze: freeze, Check: func(c *model.Config) diag.Problems {
					checked = c
					return nil
				}})
				apply(l, tt.change)
				res, ok := reject(l, tt.reject...)
				if !ok || !res.Changed || res.Config != checked {
					t.Errorf("Reject: %t, changed %t, checked %t; want all", ok, res.Changed, res.Config == checked)
				}
				wantStep(t, 0, tt.want, res)
				if freeze {
					return // nothing more is taken
				}
				for i, s := range tt.then {
					wantStep(t, i+1, s, apply(l, s.change))
				}
			})
		}
	}
}

// A file that comes back goes back to what was accepted of it, as long as Envoys
// have not accepted that it was gone.
func TestARejectedFileThatWasGone(t *testing.T) {
	for name, want := range map[string][]string{"accepted last": {"a", "b"}, "accepted as gone": {"b"}} {
		t.Run(name, func(t *testing.T) {
			l := accepted(loader.Options{})
			apply(l, map[string]string{"a": ""})
			if name == "accepted as gone" {
				l.Accept(l.Good(), nil)
			}
			apply(l, map[string]string{"a": service("a2", "a.com")})
			res, ok := reject(l, "a")
			if !ok {
				t.Error("a was not rejected")
			}
			wantStep(t, 0, step{nil, want, []string{"a"}, []diag.Code{diag.RolledBack}}, res)
		})
	}
}

func TestNothingToReject(t *testing.T) {
	edit := map[string]string{"a": service("a2", "a.com")}
	for name, begin := range map[string]func() *loader.Loader{
		"accepted": func() *loader.Loader { return accepted(loader.Options{}) },
		"changed since": func() *loader.Loader {
			l := accepted(loader.Options{})
			apply(l, edit)
			apply(l, map[string]string{"a": service("a", "a.com")})
			return l
		},
		"nothing was accepted yet": func() *loader.Loader {
			l := loader.New(loader.Options{})
			apply(l, edit)
			return l
		},
		"the rest cannot be served": func() *loader.Loader {
			wrong := false
			l := accepted(loader.Options{Check: func(*model.Config) diag.Problems {
				if wrong {
					return diag.Problems{{File: "a", Msg: "no"}}
				}
				return nil
			}})
			apply(l, edit)
			wrong = true
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := begin()
			before := l.Good()
			if res, ok := reject(l, "a"); ok {
				t.Errorf("a was rejected: %v", res.Problems)
			}
			for _, c := range table.Changes(before, l.Good()) {
				t.Errorf("%s serves something else", c.Key())
			}
		})
	}
}

// What is held because too much went stays so when something is rejected, and
// what is not known to be fine is not taken for it.
func TestRejectAmongOthers(t *testing.T) {
	l := loader.New(loader.Options{})
	apply(l, five())
	l.Accept(l.Good(), nil)
	apply(l, map[string]string{"a": service("a", "a.org"), "f": service("f", "f.com")})
	apply(l, without("b", "c", "d", "e"))
	l.Accept(l.Good(), []string{"a"}) // all but a
	res, ok := reject(l, "a")
	if !ok {
		t.Fatal("a was not rejected")
	}
	wantStep(t, 1, step{nil, []string{"a", "b", "c", "d", "e", "f"}, []string{"a", "b", "c", "d", "e"}, []diag.Code{diag.MostGone, diag.RolledBack}}, res)
	if got := res.Config.Services.Get("a").Hosts; len(got) != 1 || got[0] != "a.com" {
		t.Errorf("a has %v, want what was accepted of it", got)
	}
	if _, ok := reject(l, "f"); ok {
		t.Error("f was rejected, which had been accepted")
	}
}
