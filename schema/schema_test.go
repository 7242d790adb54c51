package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"dragoman/diag"
	"dragoman/schema"
)

func TestKindsAndTexts(t *testing.T) {
	for _, kind := range schema.Kinds() {
		text, err := schema.Text(kind)
		if err != nil || !json.Valid(text) {
			t.Errorf("Text(%q) = %.40q, %v, want JSON", kind, text, err)
		}
	}
	for _, kind := range schema.Later() {
		want := fmt.Sprintf("%q documents are not supported yet", kind)
		if _, err := schema.Text(kind); err == nil || err.Error() != want {
			t.Errorf("Text(%q) = %v, want %s", kind, err, want)
		}
	}
	const want = `no kind "listner", did you mean "listener"?`
	if _, err := schema.Text("listner"); err == nil || err.Error() != want {
		t.Errorf("Text(listner) = %v, want %s", err, want)
	}
	for _, kinds := range [][]string{schema.Kinds(), schema.Later()} {
		if !slices.IsSorted(kinds) {
			t.Errorf("%q are not sorted", kinds)
		}
	}
}

// A part is a schema within a schema file.
type part struct {
	kind, pointer string
	is            map[string]any
}

func (p part) String() string { return p.kind + "#" + p.pointer }

// parts are all schemas of all kinds, from the top down.
func parts(t *testing.T) []part {
	t.Helper()
	var out []part
	for _, kind := range schema.Kinds() {
		text, err := schema.Text(kind)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		var root map[string]any
		if err := dec.Decode(&root); err != nil {
			t.Fatal(err)
		}
		out = within(part{kind, "", root}, out)
	}
	return out
}

func within(p part, out []part) []part {
	out = append(out, p)
	add := func(pointer string, v any) {
		if m, ok := v.(map[string]any); ok {
			out = within(part{p.kind, p.pointer + pointer, m}, out)
		}
	}
	for _, key := range []string{"if", "then", "items", "additionalProperties", "propertyNames", "not"} {
		add("/"+key, p.is[key])
	}
	for _, key := range []string{"properties", "definitions", "dependencies"} {
		members, _ := p.is[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			add("/"+key+"/"+name, members[name])
		}
	}
	for _, key := range []string{"allOf", "anyOf"} {
		branches, _ := p.is[key].([]any)
		for i, b := range branches {
			add(fmt.Sprintf("/%s/%d", key, i), b)
		}
	}
	return out
}

// find returns the part at a reference.
func find(ps []part, kind, ref string) part {
	i := slices.IndexFunc(ps, func(p part) bool { return p.kind == kind && "#"+p.pointer == ref })
	if i < 0 {
		return part{}
	}
	return ps[i]
}

// annotation follows references to what describes a part.
func annotation(ps []part, p part, key string) any {
	for p.is != nil {
		if v, ok := p.is[key]; ok {
			return v
		}
		ref, _ := p.is["$ref"].(string)
		p = find(ps, p.kind, ref)
	}
	return nil
}

func TestEveryFieldIsDescribed(t *testing.T) {
	ps := parts(t)
	for _, p := range ps {
		above, name := cut(p.pointer)
		field := strings.HasSuffix(above, "/properties") && !strings.Contains(above, "/dependencies/")
		if !field && above != "/definitions" {
			continue
		}
		if s, _ := annotation(ps, p, "description").(string); len(s) < 3 || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: the description of %s is %q, want a sentence", p, name, s)
		}
		if examples, _ := annotation(ps, p, "examples").([]any); len(examples) == 0 {
			t.Errorf("%s has no examples", p)
		}
	}
}

func cut(pointer string) (above, name string) {
	i := strings.LastIndexByte(pointer, '/')
	return pointer[:max(i, 0)], pointer[i+1:]
}

func TestExamplesAndDefaultsAreValid(t *testing.T) {
	for _, p := range parts(t) {
		examples, _ := p.is["examples"].([]any)
		if fallback, ok := p.is["default"]; ok {
			examples = append(examples, fallback)
		}
		if len(examples) == 0 {
			continue
		}
		text, err := schema.Text(p.kind)
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("test:///s.json", bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile("test:///s.json#" + p.pointer)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range examples {
			if err := s.Validate(e); err != nil {
				t.Errorf("%s: %v is not valid: %v", p, e, err)
			}
		}
	}
}

// The keywords that findings have words for, and those that need none.
func TestKeywords(t *testing.T) {
	known := strings.Fields(`type enum pattern minimum maximum minLength maxLength minItems minProperties required anyOf
		additionalProperties dependencies properties patternProperties propertyNames items if then not allOf $ref definitions
		$schema title description default examples patternErrorMessage
		x-default x-not-yet x-not-yet-types x-not-yet-schemes x-schemes
		x-synonyms x-url x-number`)
	annotations := strings.Fields("$ref title description default examples x-default")
	for _, p := range parts(t) {
		for key := range p.is {
			if !slices.Contains(known, key) {
				t.Errorf("%s has the keyword %s", p, key)
			}
			// Draft 7 has validators ignore what stands beside a reference.
			if p.is["$ref"] != nil && !slices.Contains(annotations, key) {
				t.Errorf("%s: %s beside $ref means nothing", p, key)
			}
		}
		if p.is["properties"] != nil && p.is["type"] != nil && p.is["additionalProperties"] != false {
			t.Errorf("%s takes unknown keys", p)
		}
		if words, _ := p.is["patternErrorMessage"].(string); p.is["pattern"] != nil && !strings.HasPrefix(words, "expected ") {
			t.Errorf("%s: the pattern has the words %q, want expected …", p, words)
		}
		for _, bounds := range [][2]string{{"minimum", "maximum"}, {"maximum", "minimum"}} {
			if p.is[bounds[0]] != nil && p.is[bounds[1]] == nil {
				t.Errorf("%s has a %s and no %s", p, bounds[0], bounds[1])
			}
		}
		if p.pointer == "" && p.is["oneOf"] != nil {
			t.Errorf("%s has a oneOf at the top, which editors explain badly", p)
		}
	}
}

// Each key that comes later is refused by name, where it will stand.
func TestNotYet(t *testing.T) {
	base := map[string]string{
		"service#":                      `{"service":"a","upstream":"http://a",%s}`,
		"service#/definitions/upstream": `{"service":"a","upstream":{"endpoints":["http://a"],%s}}`,
		"service#/definitions/endpoint": `{"service":"a","upstream":{"endpoints":[{"url":"http://a",%s}]}}`,
		"service#/definitions/route":    `{"service":"a","upstream":"http://a","routes":[{%s}]}`,
		"listener#":                     `{"listener":"a","port":1,%s}`,
	}
	for _, p := range parts(t) {
		keys, ok := p.is["x-not-yet"].([]any)
		if !ok {
			continue
		}
		doc, ok := base[p.String()]
		if !ok {
			t.Errorf("%s has keys that come later, and no test", p)
			continue
		}
		for _, key := range keys {
			text := fmt.Sprintf(doc, fmt.Sprintf("%q:1", key))
			got := schema.Validate(p.kind, decode(t, text))
			if len(got) != 1 || got[0].Code != diag.NotYet || got[0].Msg != fmt.Sprintf("%q is not supported yet", key) {
				t.Errorf("Validate(%s) = %s", text, lines(got))
			}
		}
		delete(base, p.String())
	}
	if len(base) > 0 {
		t.Errorf("nothing comes later in %v", slices.Sorted(maps.Keys(base)))
	}
}

// What other proxies call a thing leads to something that is there, and is no
// word of ours at the same place.
func TestSynonyms(t *testing.T) {
	for _, p := range parts(t) {
		synonyms, _ := p.is["x-synonyms"].(map[string]any)
		ours, _ := p.is["properties"].(map[string]any)
		for word, meant := range synonyms {
			to, ok := meant.(string)
			if !ok || word == to || ours[word] != nil {
				t.Errorf("%s: the synonym %s means %v", p, word, meant)
			}
			later, _ := p.is["x-not-yet"].([]any)
			if ours != nil && !strings.Contains(to, " ") && ours[to] == nil && !slices.Contains(later, meant) {
				t.Errorf("%s: the synonym %s means %q, which is no key", p, word, to)
			}
			if values, ok := p.is["enum"].([]any); ok && !slices.Contains(values, meant) {
				t.Errorf("%s: the synonym %s means %q, which is none of its values", p, word, to)
			}
		}
	}
}

// A name is as good in one file as in another.
func TestSharedPatternsAgree(t *testing.T) {
	ps := parts(t)
	name := find(ps, "service", "#/definitions/name").is["pattern"]
	for _, p := range []part{
		find(ps, "listener", "#/properties/listener"), find(ps, "runtime", "#/properties/runtime"),
		find(ps, "group", "#/properties/group"), find(ps, "listener", "#/properties/groups/items"),
	} {
		if diff := cmp.Diff(name, p.is["pattern"]); diff != "" {
			t.Errorf("%s (-service +it):\n%s", p, diff)
		}
	}
	duration := find(ps, "service", "#/definitions/positiveDuration")
	minDuration := find(ps, "listener", "#/properties/accessLog/properties/filter/properties/minDuration")
	if diff := cmp.Diff([]any{duration.is["pattern"], duration.is["allOf"]}, []any{minDuration.is["pattern"], minDuration.is["allOf"]}); diff != "" {
		t.Errorf("%s (-service +it):\n%s", minDuration, diff)
	}
}
