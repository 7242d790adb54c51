package refusal

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"dragoman/diag"
	"dragoman/model"
)

// Problems are what Envoys refuse now, where that is written now.
func (t *Tracker) Problems() diag.Problems {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out diag.Problems
	for _, r := range t.refused {
		out = append(out, t.problem(r))
	}
	out.Sort()
	return out
}

// Counts are how many resources are refused, by type URL.
func (t *Tracker) Counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := map[key]bool{}
	for k, r := range t.refused {
		for _, name := range r.names()[:min(1, len(r.names()))] { // of several it is one at least
			names[key{typ: k.typ, name: name}] = true
		}
	}
	out := map[string]int{}
	for k := range names {
		out[k.typ]++
	}
	return out
}

// An Entry is one thing that one stream refuses.
type Entry struct {
	Stream            uint64
	Type, Name, Words string // Name is "" where it is not known
}

// Entries are what streams refuse now.
func (t *Tracker) Entries() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Entry
	for _, r := range t.refused {
		for id := range r.by {
			out = append(out, Entry{id, r.typ, r.name, r.words})
		}
	}
	return out
}

// problem says where something is written that is refused, by whom and why.
func (t *Tracker) problem(r *refused) diag.Problem {
	p := diag.Problem{Code: diag.Refused, File: ".", Line: 1, Col: 1, Width: 1, Msg: t.sentence(r)}
	switch {
	case r.own:
		p.Code, p.Severity = diag.OwnTrouble, diag.Warning
		p.Hint = "that is the Envoy's own trouble: look at its host"
	case r.stuck:
		p.Code, p.Severity, p.Hint = diag.NotReady, diag.Warning, "see whether its names can be looked up and its endpoints be reached"
	case r.outvoted:
		p.Hint = "most Envoys have it: see what is different about these"
	default:
		p.Hint = "mend it; they go on with what they had before"
	}
	places := t.present(r)
	for i, at := range places {
		if i == 0 {
			p.File, p.Line, p.Col = at.File, at.Line, at.Col
			continue
		}
		p.Related = append(p.Related, diag.Place{File: at.File, Line: at.Line, Col: at.Col, Msg: "or it is this"})
	}
	if len(places) == 0 {
		for _, file := range r.files {
			p.Related = append(p.Related, diag.Place{File: file, Line: 1, Col: 1, Msg: "this has changed since everything was accepted"})
		}
	}
	return p
}

// present is where something is written now, or where it was if it is not there
// any more.
func (t *Tracker) present(r *refused) []model.Origin {
	if now := t.o.Present(); now != nil {
		if out := r.places(now); len(out) > 0 {
			return out
		}
	}
	for _, p := range slices.Backward(t.publications) {
		if p.Version == r.version {
			return r.places(p.Config)
		}
	}
	return nil
}

// sentence says what is refused, by whom, and in what words.
func (t *Tracker) sentence(r *refused) string {
	what := "refused by"
	if r.stuck {
		what = "waited for by"
	}
	return fmt.Sprintf("%s is %s %s: %s", r.subject(), what, t.nodes(r), Plain(r.words))
}

// nodes names the first of the Envoys that refuse something.
func (t *Tracker) nodes(r *refused) string {
	names := map[string]bool{}
	envoys := map[Stream]bool{}
	for id := range r.by {
		if s := t.streams[id]; s != nil {
			names[s.Node] = true
			envoys[Stream{Node: s.Node, Cluster: s.Cluster, Peer: s.Peer}] = true
		}
	}
	if len(envoys) == 0 {
		return "an Envoy that has gone"
	}
	first := slices.Min(slices.Collect(maps.Keys(names)))
	switch n := len(envoys) - 1; n {
	case 0:
		return first
	case 1:
		return first + " and another"
	default:
		return fmt.Sprintf("%s and %d others", first, n)
	}
}

// subject names what is refused.
func (r *refused) subject() string {
	if r.name != "" {
		return fmt.Sprintf("%s %q", kind(r.typ), r.name)
	}
	if len(r.candidates) == 0 {
		return "one " + kind(r.typ)
	}
	const most = 5
	names := strings.Join(r.candidates[:min(most, len(r.candidates))], ", ")
	if n := len(r.candidates) - most; n > 0 {
		names = fmt.Sprintf("%s and %d more", names, n)
	}
	return fmt.Sprintf("one %s of %s", kind(r.typ), names)
}

// kind is what people call a resource of a type.
func kind(typeURL string) string {
	switch typeURL {
	case resource.ClusterType:
		return "cluster"
	case resource.EndpointType:
		return "endpoints of cluster"
	case resource.ListenerType:
		return "listener"
	case resource.RouteType:
		return "routes of listener"
	case resource.ScopedRouteType:
		return "scope"
	case resource.RuntimeType:
		return "runtime layer"
	case resource.SecretType:
		return "secret"
	}
	return typeURL[strings.LastIndexByte(typeURL, '.')+1:]
}

// report logs what is refused for the first time.
func (t *Tracker) report(r *refused) {
	p := t.problem(r)
	attrs := []any{
		slog.String("at", p.At()),
		slog.String("code", p.Code.String()),
		slog.String("problem", p.Msg),
		slog.String("hint", p.Hint),
	}
	if p.Severity == diag.Warning {
		t.o.Log.Warn("an Envoy cannot use a resource", attrs...)
		return
	}
	t.o.Log.Error("an Envoy refuses a resource", attrs...)
}
