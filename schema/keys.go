package schema

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dragoman/diag"
)

// missing are the keys that a mapping must have and does not.
func (d *document) missing(f failure) []finding {
	has, _ := f.value.(map[string]any)
	var out []finding
	for _, key := range f.schema.words("required") {
		if _, ok := has[key]; ok {
			continue
		}
		hint := ""
		for _, example := range d.property(f.object, key).list("examples") {
			hint = "such as " + key + ": " + flow(example)
			break
		}
		m := f.finding(diag.MissingKey, fmt.Sprintf("missing key %q in %s", key, f.noun()), hint)
		m.missing = []string{key}
		out = append(out, m)
	}
	return out
}

// missingAny is about a mapping that must have one of several keys.
func (d *document) missingAny(f failure) finding {
	var keys []string
	for _, branch := range f.schema.list("anyOf") {
		keys = append(keys, branch.(*node).words("required")...)
	}
	m := f.finding(diag.MissingKey, fmt.Sprintf("missing %s in %s", alternatives(quotedAll(keys)), f.noun()), "")
	m.missing = keys
	return m
}

// unknown are the keys that a mapping has and must not have.
func (d *document) unknown(f failure) []finding {
	has, _ := f.value.(map[string]any)
	var out []finding
	for _, key := range slices.Sorted(maps.Keys(has)) {
		if slices.Contains(f.schema.properties(), key) || matchesAny(key, f.schema.child("patternProperties")) {
			continue
		}
		g := f
		g.path = append(slices.Clone(f.path), key)
		if later(key, f.schema.words("x-not-yet")) {
			out = append(out, g.atKey(diag.NotYet, fmt.Sprintf("%q is not supported yet", key), ""))
			continue
		}
		u := g.atKey(diag.UnknownKey, fmt.Sprintf("unknown key %q in %s", shorten(key), f.noun()), d.unknownHint(key, f.schema, has))
		u.unknown, u.meant = key, synonym(key, f.schema)
		out = append(out, u)
	}
	return out
}

func matchesAny(key string, patterns *node) bool {
	return patterns != nil && slices.ContainsFunc(patterns.keys, func(p string) bool { return regexp.MustCompile(p).MatchString(key) })
}

// unknownHint says what a key was probably meant to be, or where it belongs,
// or what there is.
func (d *document) unknownHint(key string, n *node, has map[string]any) string {
	switch meant := synonym(key, n); {
	case meant == "":
	case strings.Contains(meant, " "):
		return meant
	case later(meant, n.words("x-not-yet")):
		return fmt.Sprintf("did you mean %q? It is not supported yet", meant)
	default:
		return fmt.Sprintf("did you mean %q?", meant)
	}
	open := slices.DeleteFunc(slices.Clone(n.properties()), func(k string) bool { _, taken := has[k]; return taken })
	for _, candidates := range [][]string{open, n.properties()} {
		if near, ok := diag.Nearest(key, candidates); ok {
			return fmt.Sprintf("did you mean %q?", near)
		}
	}
	if near, ok := diag.Nearest(key, n.words("x-not-yet")); ok {
		return fmt.Sprintf("did you mean %q? It is not supported yet", near)
	}
	if name, place := d.elsewhere(key); place != "" {
		if name != key {
			return fmt.Sprintf("did you mean %q? It belongs %s", name, place)
		}
		return "it belongs " + place
	}
	return "the keys are " + strings.Join(n.properties(), ", ")
}

// synonym is our word for one that other proxies use at a place, or, where no
// one word would do, what to write. It is empty for all other words.
func synonym(word string, n *node) string {
	others := n.child("x-synonyms")
	if others == nil {
		return ""
	}
	bare := unjoined.Replace(word)
	for _, other := range others.keys { // in camel case, but _ for every host
		if strings.EqualFold(other, bare) || other == word {
			return others.text(other)
		}
	}
	return ""
}

// elsewhere is where else in the format a key stands, and how it is spelt
// there: as nearly as can be, then as near to the top of this kind as can be,
// and otherwise at the top of another kind.
func (d *document) elsewhere(key string) (name, place string) {
	type mapping struct {
		place  string
		object *node
	}
	var all []mapping
	for _, s := range d.sections() {
		under := "at the top of the document"
		if s.path != d.kind {
			under = "under " + strings.TrimPrefix(s.path, d.kind+".")
		}
		all = append(all, mapping{under, s.object})
	}
	for _, kind := range Kinds() {
		if kind != d.kind {
			all = append(all, mapping{"in a " + kind + " document", documents()[kind].root})
		}
	}
	for _, m := range all {
		if slices.Contains(m.object.properties(), key) {
			return key, m.place
		}
	}
	for _, m := range all {
		if near, ok := diag.Nearest(key, m.object.properties()); ok {
			return near, m.place
		}
	}
	return "", ""
}
