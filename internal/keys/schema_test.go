package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dragoman/schema"
)

// An object is an object of a JSON Schema.
type object = map[string]any

// A document is the published schema of one kind.
type document struct {
	kind string
	root object
}

func documents(t testing.TB) []document {
	t.Helper()
	var out []document
	for _, kind := range schema.Kinds() {
		text, err := schema.Text(kind)
		if err != nil {
			t.Fatal(err)
		}
		d := document{kind: kind}
		if err := json.Unmarshal(text, &d.root); err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// resolve follows a reference. What stands beside it is for readers.
func (d document) resolve(schema any) object {
	o, _ := schema.(object)
	ref, ok := o["$ref"].(string)
	if !ok {
		return o
	}
	definitions, _ := d.root["definitions"].(object)
	return d.resolve(definitions[strings.TrimPrefix(ref, "#/definitions/")])
}

// keys returns the schema of every key below a schema by its path. Lists and
// names of the user's own are passed through: service.routes.headers.exact.
func (d document) keys() map[string]object {
	out := map[string]object{}
	d.walk(d.root, d.kind, out)
	return out
}

func (d document) walk(schema any, path string, out map[string]object) {
	o := d.resolve(schema)
	properties, _ := o["properties"].(object)
	for key, property := range properties {
		out[path+"."+key] = d.resolve(property)
		d.walk(property, path+"."+key, out)
	}
	if len(properties) > 0 || path == "runtime.values" || path == "group.match.metadata" { // below that are the user's keys
		return
	}
	d.walkList(o["items"], path, out)
	d.walkList(o["additionalProperties"], path, out)
}

func (d document) walkList(schema any, path string, out map[string]object) {
	if _, ok := schema.(object); ok {
		d.walk(schema, path, out)
	}
}

// values returns the values that a key's schema lists, and the schemes that its
// URLs may have.
func (d document) values(schema any) []string {
	o := d.resolve(schema)
	if o == nil {
		return nil
	}
	var out []string
	for _, word := range []string{"enum", "x-schemes"} {
		list, _ := o[word].([]any)
		for _, v := range list {
			out = append(out, fmt.Sprint(v))
		}
	}
	return append(out, append(d.values(o["then"]), d.values(o["items"])...)...)
}

// find calls visit with every value of a key, given as its path below the
// document, and with the mapping and the place in it where the value stands.
func (d document) find(n *yaml.Node, schema any, path []string, visit func(parent *yaml.Node, value int)) {
	o := d.resolve(schema)
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			d.find(item, o["items"], path, visit)
		}
	case yaml.MappingNode:
		properties, _ := o["properties"].(object)
		for i := len(n.Content) - 1; i > 0; i -= 2 {
			switch key := n.Content[i-1].Value; {
			case properties == nil:
				d.find(n.Content[i], o["additionalProperties"], path, visit)
			case key == path[0] && len(path) == 1:
				visit(n, i)
			case key == path[0]:
				d.find(n.Content[i], properties[key], path[1:], visit)
			default:
				continue
			}
			prune(n, i)
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
}

// prune takes out a mapping that nothing is left of: the schemas refuse it.
func prune(parent *yaml.Node, value int) {
	if value < len(parent.Content) && parent.Content[value].Kind == yaml.MappingNode && len(parent.Content[value].Content) == 0 {
		parent.Content = slices.Delete(parent.Content, value-1, value+1)
	}
}

// without returns a row's YAML as if its key were ignored: the key is gone from
// the first document of its kind, or has another value if the row says so.
func (r row) without(t testing.TB) string {
	t.Helper()
	if r.ignored != "" {
		return r.ignored
	}
	docs, edited := decode(t, r.yaml), 0
	doc, kind, path := r.subject(t, docs)
	kind.find(doc, kind.root, path, func(parent *yaml.Node, value int) {
		edited++
		if r.instead == "" {
			parent.Content = slices.Delete(parent.Content, value-1, value+1)
			return
		}
		parent.Content[value] = decode(t, r.instead)[0]
	})
	if edited == 0 {
		t.Fatalf("%s: its YAML does not have the key", r.title())
	}
	return encode(t, docs)
}

// subject is the document that a row is about, and the key's path in it.
func (r row) subject(t testing.TB, docs []*yaml.Node) (*yaml.Node, document, []string) {
	t.Helper()
	path := strings.Split(r.key, ".")
	for _, d := range documents(t) {
		for _, doc := range docs {
			if d.kind == path[0] && slices.ContainsFunc(doc.Content, func(n *yaml.Node) bool { return n.Value == d.kind }) {
				return doc, d, path[1:]
			}
		}
	}
	t.Fatalf("%s: its YAML has no document of kind %s", r.title(), path[0])
	return nil, document{}, nil
}

// scalars returns every plain value that a row gives its key.
func (r row) scalars(t testing.TB) []string {
	t.Helper()
	var out []string
	doc, kind, path := r.subject(t, decode(t, r.yaml))
	kind.find(doc, kind.root, path, func(parent *yaml.Node, value int) {
		v := parent.Content[value]
		for _, n := range append([]*yaml.Node{v}, v.Content...) {
			if n.Kind == yaml.ScalarNode {
				out = append(out, n.Value)
			}
		}
	})
	return out
}

func decode(t testing.TB, text string) []*yaml.Node {
	t.Helper()
	var out []*yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		out = append(out, doc.Content[0])
	}
}

func encode(t testing.TB, docs []*yaml.Node) string {
	t.Helper()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	for _, doc := range docs {
		if err := enc.Encode(doc); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// allKeys returns the schema of every key of every kind by its path.
func allKeys(t testing.TB) map[string]object {
	t.Helper()
	out := map[string]object{}
	for _, d := range documents(t) {
		maps.Copy(out, d.keys())
	}
	return out
}
