package loader

import (
	"strings"

	"dragoman/diag"
)

// outside is what to do about a document that is another program's.
const outside = "move the file out of this directory, or begin its name with a dot"

// A foreigner is a kind of document that other programs read, and that ends up
// among ours.
type foreigner struct {
	keys []string // the document has all of them
	what string
	hint string
}

// foreigners are told from their keys, the most telling first.
//
//nolint:gochecknoglobals // a table, never changed
var foreigners = []foreigner{
	{[]string{"apiVersion", "kind"}, "a Kubernetes manifest", outside},
	{[]string{"static_resources"}, "a bootstrap of Envoy's", "give it to envoy -c, and keep it out of this directory"},
	{[]string{"dynamic_resources"}, "a bootstrap of Envoy's", "give it to envoy -c, and keep it out of this directory"},
	{[]string{"@type"}, "a resource of Envoy's own format", "write service: NAME and listener: NAME instead"},
	{[]string{"http", "tls"}, "a configuration of Traefik's", "write service: NAME with hosts, upstream and routes instead"},
	{[]string{"entryPoints"}, "a configuration of Traefik's", "write listener: NAME and service: NAME instead"},
	{[]string{"_format_version"}, "a configuration of Kong's", "write service: NAME with hosts, upstream and routes instead"},
	{[]string{"openapi"}, "an OpenAPI description", outside},
	{[]string{"swagger"}, "an OpenAPI description", outside},
	{[]string{"$schema", "properties"}, "a JSON Schema", outside},
	{[]string{"jobs", "on"}, "a workflow of GitHub's", outside},
	{[]string{"name", "dependencies"}, "a package.json", outside},
	{[]string{"compilerOptions"}, "a tsconfig.json", outside},
	{[]string{"repos"}, "a configuration of pre-commit's", outside},
}

// foreign reports a document that was made for another program.
func (f *file) foreign(v value) bool {
	for _, k := range foreigners {
		if at, ok := v.hasAll(k.keys); ok {
			return f.foreigner(at, k.what, k.hint)
		}
	}
	services := v.get("services")
	switch {
	case len(v.get("resources").items) > 0:
		return f.resources(v)
	case hasBelow(v.get("http"), "routers") || hasBelow(v.get("http"), "services"):
		at, _ := v.field("http")
		return f.foreigner(at, "a configuration of Traefik's", "write service: NAME with hosts, upstream and routes instead")
	case hasAnyBelow(services, "image", "build"):
		at, _ := v.field("services")
		return f.foreigner(at, "a Compose file", outside)
	case services.kind == object || services.kind == list:
		at, _ := v.field("services")
		f.problem(at.at, diag.UnknownKind, "each service is a document of its own", "write service: NAME, and --- between two of them")
		return true
	}
	return false
}

// resources tells the two formats that call their parts so.
func (f *file) resources(v value) bool {
	at, _ := v.field("resources")
	if v.get("resources").items[0].kind == object {
		return f.foreigner(at, "a file of Envoy resources", "write service: NAME and listener: NAME instead")
	}
	return f.foreigner(at, "a Kustomization", outside)
}

func (f *file) foreigner(at field, what, hint string) bool {
	f.problem(at.at, diag.UnknownKind, "this is "+what+", and Dragoman has documents of its own", hint)
	return true
}

// hasAll returns the first of some keys if an object has all of them.
func (v value) hasAll(keys []string) (first field, ok bool) {
	for _, key := range keys {
		if !v.has(key) {
			return field{}, false
		}
	}
	return v.field(keys[0])
}

func hasBelow(v value, key string) bool { return v.kind == object && v.has(key) }

// hasAnyBelow says whether any value of an object has any of the keys.
func hasAnyBelow(v value, keys ...string) bool {
	for _, f := range v.fields {
		for _, key := range keys {
			if hasBelow(f.value, key) {
				return true
			}
		}
	}
	return false
}

// notAMapping reports a document that is a list or a text.
func (f *file) notAMapping(v value) {
	msg, hint := "a document is a mapping with a key such as service: NAME", "see the examples"
	first, _, _ := strings.Cut(v.text, "\n")
	switch {
	case v.kind == list:
		hint = "write one document for each item, without dashes, and --- between two of them"
	case v.kind == text && strings.Contains(first, "{"):
		msg, hint = "this looks like a configuration of nginx's or the like", "write service: NAME with hosts, upstream and routes instead"
	case v.kind == text && strings.Contains(first, "="):
		hint = `write a colon and a space for the "="`
	case v.kind == text && strings.Contains(first, ":"):
		hint = "put a space behind each colon"
	}
	f.problem(v.node, diag.WrongType, msg, hint)
}
