package xds

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/snapshot"
)

// view is one of resources that are written as c:a, the cluster a, or r:a, the
// routes a, with a version behind a slash.
func view(resources string) *snapshot.View {
	all := map[string][]*snapshot.Resource{}
	for text := range strings.FieldsSeq(resources) {
		kind, name, _ := strings.Cut(text, ":")
		name, version, _ := strings.Cut(name, "/")
		typeURL := map[string]string{"c": resourcev3.ClusterType, "r": resourcev3.RouteType, "l": resourcev3.ListenerType, "s": resourcev3.ScopedRouteType}[kind]
		all[typeURL] = append(all[typeURL], &snapshot.Resource{Name: name, Version: version})
	}
	sets := map[string]*snapshot.Set{}
	for typeURL, list := range all {
		sets[typeURL] = snapshot.NewSet(list...)
	}
	return snapshot.NewView(resources, sets)
}

// shows is what an Envoy is to have, in the same form.
func shows(r *rollout) string {
	var out []string
	for typeURL, kind := range map[string]string{resourcev3.ClusterType: "c", resourcev3.RouteType: "r", resourcev3.ListenerType: "l", resourcev3.ScopedRouteType: "s"} {
		g, ok := r.goal(typeURL)
		if !ok {
			continue
		}
		for res := range g.set.All() {
			out = append(out, strings.TrimSuffix(kind+":"+res.Name+"/"+res.Version, "/"))
		}
		for name, k := range g.kept {
			out = append(out, strings.TrimSuffix(kind+":"+name+"/"+k.res.Version, "/"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// A step of a rollout, at a second. The streams have left to do what it says, perhaps once it has gone on.
type step struct {
	at       int
	do, left string // do is a target, a refusal, or nothing; left is made, all, made later, or nothing
	want     string
	late     bool
}

func TestRollout(t *testing.T) {
	for name, c := range map[string]struct {
		hold  time.Duration
		steps []step
	}{
		"a rename": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "", "made", "c:a c:b r:r/1", false},
			{3, "", "all", "c:a c:b r:r/2", false},
			{4, "", "", "c:a c:b r:r/2", false},
			{8, "", "", "c:a c:b r:r/2", false},
			{9, "", "", "c:b r:r/2", false},
		}},
		"routes alone": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:a r:r/2", "all", "c:a r:r/2", false},
		}},
		"old routes of a listener that goes": {0, []step{
			{0, "l:x r:x", "", "l:x r:x", false},
			{1, "l:y r:y", "made", "l:x r:x", false},
			{2, "", "all", "l:y r:x r:y", false},
			{3, "", "", "l:y r:x r:y", false},
			{8, "", "", "l:y r:y", false},
		}},
		"one that comes back is there again": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "", "c:a c:b r:r/2", false},
			{3, "c:a c:b r:r/1", "", "c:a c:b r:r/1", false},
			{9, "", "", "c:a c:b r:r/1", false},
		}},
		"a new content of what lingers": {0, []step{
			{0, "c:a/1", "", "c:a/1", false},
			{1, "c:b", "", "c:a/1 c:b", false},
			{2, "c:a/2 c:b", "", "c:a/2 c:b", false},
		}},
		"newer ones wait, and the newest is next": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "c:c r:r/3", "made", "c:a c:b r:r/1", false},
			{3, "c:d r:r/4", "made", "c:a c:b r:r/1", false},
			{4, "", "all", "c:a c:b r:r/2", false},
			{5, "", "made later", "c:a c:b c:d r:r/2", false},
			{6, "", "all", "c:a c:b c:d r:r/4", false},
			{7, "", "", "c:a c:b c:d r:r/4", false},
			{10, "", "", "c:b c:d r:r/4", false},
			{12, "", "", "c:d r:r/4", false},
		}},
		"back to what is being made": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "c:c r:r/3", "made", "c:a c:b r:r/1", false},
			{3, "c:b r:r/2", "all", "c:a c:b r:r/2", false},
			{4, "", "", "c:a c:b r:r/2", false},
			{9, "", "", "c:b r:r/2", false},
		}},
		"no answer: the switch": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{20, "", "made", "c:a c:b r:r/1", false},
			{21, "", "made", "c:a c:b r:r/2", true},
			{41, "", "all", "c:a c:b r:r/2", true},
			{46, "", "", "c:b r:r/2", false},
		}},
		"no answer: a newer one, but not a second time": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "c:c r:r/3", "made", "c:a c:b r:r/1", false},
			{21, "", "made", "c:a c:b c:c r:r/1", true},
			{22, "c:d r:r/4", "made", "c:a c:b c:c r:r/1", false},
			{41, "", "made", "c:a c:b c:c r:r/3", true},
		}},
		"a refusal, with nobody to wait for": {0, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "refusal", "all", "c:a c:b r:r/2", false},
		}},
		"a refusal: a newer one is waited for": {10 * time.Second, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "refusal", "", "c:a c:b r:r/1", false},
			{5, "c:c r:r/3", "made", "c:a c:b c:c r:r/1", false},
			{6, "", "all", "c:a c:b c:c r:r/3", false},
		}},
		"a refusal: nothing newer comes": {10 * time.Second, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{2, "refusal", "", "c:a c:b r:r/1", false},
			{11, "", "", "c:a c:b r:r/1", false},
			{12, "", "all", "c:a c:b r:r/2", false},
		}},
		"no answer: a newer one is waited for": {10 * time.Second, []step{
			{0, "c:a r:r/1", "", "c:a r:r/1", false},
			{1, "c:b r:r/2", "made", "c:a c:b r:r/1", false},
			{21, "", "made", "c:a c:b r:r/1", true},
			{30, "", "made", "c:a c:b r:r/1", false},
			{31, "", "made", "c:a c:b r:r/2", false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &rollout{differences: newDifferences(), linger: 5 * time.Second, warm: 20 * time.Second, hold: c.hold}
			start := time.Now()
			for i, s := range c.steps {
				now := start.Add(time.Duration(s.at) * time.Second)
				r.sent = true
				switch s.do {
				case "":
				case "refusal":
					r.trouble = true
				default:
					r.target(view(s.do), now)
				}
				late, left := false, s.left
				for {
					moved, isLate := r.advance(now, pendings{made: left == "made", all: left == "made" || left == "all"})
					late, left = late || isLate, strings.TrimSuffix(left, " later")
					if !moved {
						break
					}
				}
				if got := shows(r); got != s.want || late != s.late {
					t.Fatalf("step %d, after %d s: it has %s, late %t; want %s, late %t", i+1, s.at, got, late, s.want, s.late)
				}
				if next := r.next(); !next.IsZero() && !next.After(now) {
					t.Errorf("step %d: it is to be asked again at once", i+1)
				}
			}
		})
	}
}

// A target of which nothing was sent is as if it had not been.
func TestATargetIsReplaced(t *testing.T) {
	r := &rollout{differences: newDifferences(), linger: time.Second, warm: time.Second}
	now := time.Now()
	r.target(view("c:a r:r/1"), now)
	for i := range 3 {
		r.target(view(fmt.Sprintf("c:b%d r:r/2", i)), now)
	}
	if got, want := shows(r), "c:a c:b2 r:r/1"; got != want {
		t.Errorf("it has %s, want %s", got, want)
	}
}

// Who comes back with more than the target keeps it for now, and gets routes
// once what they need is there.
func TestResume(t *testing.T) {
	r := &rollout{differences: newDifferences(), linger: 5 * time.Second, warm: 20 * time.Second}
	now := time.Now()
	r.target(view("c:b r:r/2"), now)
	r.resume(resourcev3.ClusterType, []*snapshot.Resource{{Name: "a"}, {Name: "b"}}, now)
	if got, want := shows(r), "c:a c:b"; got != want {
		t.Errorf("at first it has %s, want %s", got, want)
	}
	r.resume(resourcev3.ListenerType, []*snapshot.Resource{{Name: "old"}}, now)
	r.advance(now, pendings{all: true})
	if got, want := shows(r), "c:a c:b r:r/2"; got != want {
		t.Errorf("then it has %s, want %s", got, want)
	}
	r.advance(now, pendings{})
	r.advance(now.Add(5*time.Second), pendings{})
	if got, want := shows(r), "c:b r:r/2"; got != want {
		t.Errorf("in the end it has %s, want %s", got, want)
	}
}

// Scopes go with the switch, unless their listener goes on without any: then they
// stay for the connections from before.
func TestScopesOfAListener(t *testing.T) {
	for name, c := range map[string]struct{ to, atFirst, later string }{
		"a host goes":       {"l:h s:h", "l:h s:h", "l:h s:h"},
		"it has one table":  {"l:h", "l:h s:h s:x", "l:h"},
		"the listener goes": {"c:a", "c:a", "c:a"},
	} {
		t.Run(name, func(t *testing.T) {
			scopes := func(resources string) *snapshot.View {
				out := map[string][]*snapshot.Resource{}
				for kind := range strings.FieldsSeq(resources) {
					typeURL := map[string]string{"l:h": resourcev3.ListenerType, "s:h": resourcev3.ScopedRouteType, "s:x": resourcev3.ScopedRouteType, "c:a": resourcev3.ClusterType}[kind]
					res := map[string]string{"l:h": "h", "s:h": "h/*", "s:x": "h/x", "c:a": "a"}[kind]
					out[typeURL] = append(out[typeURL], &snapshot.Resource{Name: res})
				}
				sets := map[string]*snapshot.Set{}
				for typeURL, list := range out {
					sets[typeURL] = snapshot.NewSet(list...)
				}
				return snapshot.NewView(resources, sets)
			}
			r := &rollout{differences: newDifferences(), linger: 5 * time.Second, drain: time.Minute, warm: 20 * time.Second}
			now := time.Now()
			has := func() string {
				for {
					if moved, _ := r.advance(now, pendings{}); !moved {
						break
					}
				}
				return strings.NewReplacer("s:h/*", "s:h", "s:h/x", "s:x").Replace(shows(r))
			}
			r.target(scopes("l:h s:h s:x"), now)
			r.target(scopes(c.to), now)
			now = now.Add(30 * time.Second)
			if got := has(); got != c.atFirst {
				t.Errorf("at first it has %s, want %s", got, c.atFirst)
			}
			now = now.Add(2 * time.Minute)
			if got := has(); got != c.later {
				t.Errorf("later it has %s, want %s", got, c.later)
			}
		})
	}
}
