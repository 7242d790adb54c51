package xds

import (
	"slices"
	"strings"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// A Refusal is a resource that an Envoy does not take, and why.
type Refusal struct{ Name, Words string }

// maxParsed bounds the words that are looked at for names, in bytes.
const maxParsed = 64 << 10

// blame finds which of the candidates, the resources of a refused response
// that the Envoy did not have, its words are about. If they leave several,
// unsure is all of them.
func blame(typeURL, words string, candidates []string) (guilty []Refusal, unsure []string) {
	if len(candidates) == 0 {
		return nil, nil
	}
	words = words[:min(len(words), maxParsed)]
	if len(candidates) == 1 {
		return []Refusal{{candidates[0], own(words, candidates[0])}}, nil
	}
	for _, find := range []func(string, string, []string) []Refusal{listed, dumped, mentioned} {
		if guilty = find(typeURL, words, candidates); len(guilty) > 0 {
			return guilty, nil
		}
	}
	return nil, candidates
}

// own is what the words say of the only candidate, without the frame that
// Envoy puts around it.
func own(words, name string) string {
	if found := listed("", words, []string{name}); len(found) == 1 {
		return found[0].Words
	}
	return words
}

// listed reads what Envoy says of clusters and listeners:
//
//	Error adding/updating cluster(s) a: why, b: why
//	Error adding/updating listener(s) a: why
//	b: why
//
// Both names and reasons may have commas and colons in them, so that the names
// that are known are looked for where one can begin.
func listed(_, words string, candidates []string) []Refusal {
	frame := strings.Index(words, "(s) ")
	if !strings.HasPrefix(words, "Error adding/updating ") || frame < 0 {
		return nil
	}
	words = words[frame+len("(s) "):]
	type item struct {
		name       string
		start, end int // of the name with its colon
	}
	var items []item
	for i := 0; i < len(words); {
		name := ""
		if i == 0 || strings.HasSuffix(words[:i], ", ") || words[i-1] == '\n' {
			name = longest(words[i:], candidates, ": ")
		}
		if name == "" {
			i++
			continue
		}
		items = append(items, item{name, i, i + len(name) + len(": ")})
		i += len(name) + len(": ")
	}
	var out []Refusal
	for n, it := range items {
		end := len(words)
		if n+1 < len(items) {
			end = items[n+1].start
		}
		if !slices.ContainsFunc(out, func(r Refusal) bool { return r.Name == it.name }) {
			out = append(out, Refusal{it.name, strings.TrimRight(words[it.end:end], ", \n")})
		}
	}
	return out
}

// longest is the longest candidate that a text begins with, followed by after.
func longest(text string, candidates []string, after string) string {
	best := ""
	for _, c := range candidates {
		if len(c) > len(best) && strings.HasPrefix(text, c) && strings.HasPrefix(text[len(c):], after) {
			best = c
		}
	}
	return best
}

// dumped reads the dump of a resource that breaks a constraint. Its own name
// comes before whatever else it names.
func dumped(typeURL, words string, candidates []string) []Refusal {
	field := "name"
	if typeURL == resourcev3.EndpointType {
		field = "cluster_name"
	}
	first, name := len(words), ""
	for _, c := range candidates {
		for _, text := range []string{field + `: "` + c + `"`, field + `:"` + c + `"`} {
			if i := strings.Index(words, text); i >= 0 && i < first {
				first, name = i, c
			}
		}
	}
	if name == "" {
		return nil
	}
	return []Refusal{{name, words}}
}

// mentioned looks for one candidate that stands in quotes, or behind the word
// for what it is. More than one is none: some may be what the guilty one
// refers to.
func mentioned(typeURL, words string, candidates []string) []Refusal {
	found := ""
	for i := range len(words) {
		quote, ok := behind(typeURL, words[:i])
		if !ok {
			continue
		}
		name := longest(words[i:], candidates, "")
		if name == "" || !ends(words[i+len(name):], quote) {
			continue
		}
		if found != "" && found != name {
			return nil
		}
		found = name
	}
	if found == "" {
		return nil
	}
	return []Refusal{{found, words}}
}

// behind tells whether a text ends so that the name of a resource of a type
// may follow, and in which quotes, if any.
func behind(typeURL, text string) (quote string, ok bool) {
	for _, q := range []string{"'", `"`} {
		if rest, is := strings.CutSuffix(text, q); is {
			text, quote = rest, q
			break
		}
	}
	text, spaced := strings.CutSuffix(text, " ")
	if !spaced {
		return "", false
	}
	text = strings.ToLower(text[max(0, len(text)-maxKind):])
	return quote, slices.ContainsFunc(called(typeURL), func(kind string) bool {
		before, is := strings.CutSuffix(text, kind)
		return is && (before == "" || strings.HasSuffix(before, " "))
	})
}

// ends tells whether a name ends where a text begins.
func ends(text, quote string) bool {
	if quote != "" {
		return strings.HasPrefix(text, quote)
	}
	return text == "" || strings.ContainsRune(" .,:;)\n", rune(text[0]))
}

// maxKind is longer than any of what follows.
const maxKind = 20

// vague tells types whose refusals seldom name a resource.
func vague(typeURL string) bool {
	return typeURL == resourcev3.RouteType || typeURL == resourcev3.EndpointType || typeURL == resourcev3.SecretType
}

// called are Envoy's words for a resource of a type.
func called(typeURL string) []string {
	switch typeURL {
	case resourcev3.ClusterType, resourcev3.EndpointType:
		return []string{"cluster", "cluster:"}
	case resourcev3.ListenerType:
		return []string{"listener", "listener:"}
	case resourcev3.RouteType:
		return []string{"route", "route_config", "configuration", "config"}
	case resourcev3.SecretType:
		return []string{"secret", "secret:"}
	case resourcev3.ScopedRouteType:
		return []string{"scope"}
	case resourcev3.VirtualHostType:
		return []string{"host"}
	}
	return nil
}

// withoutKeys cuts off what an Envoy says from a private key on: its words can
// have the whole of the resource in them.
func withoutKeys(words string) string {
	before, _, found := strings.Cut(words, "PRIVATE KEY")
	if !found {
		return words
	}
	return before[:max(0, strings.LastIndex(before, "-----BEGIN"))] + "[redacted]"
}
