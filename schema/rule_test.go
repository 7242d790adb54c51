package schema_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"dragoman/schema"
)

// A keyword is one with documents on both sides of it. Those in rest only the
// library may accept: Accepts knows nothing of them.
type keyword struct{ schema, right, wrong, rest string }

// keywords are all that ask for something, each with what is easily got wrong.
var keywords = map[string][]keyword{
	"type": {
		{`{"type": "object"}`, `{} | {a: 1}`, `~ | [] | a | 1 | true`, ``},
		{`{"type": "integer"}`, `0 | -1 | 0x10 | 9223372036854775807`, `"1" | true | ~ | [1] | 1.5 | 9.5e-1`, `9223372036854775808`},
		{`{"type": "number"}`, `0 | -9223372036854775808`, `"1" | false | ""`, `1.5 | 1e300`},
		{`{"type": ["string", "boolean"]}`, `a | "" | "1" | true | false`, `1 | ~ | [] | {}`, ``},
		{`{"type": ["array", "null"]}`, `[] | [1] | ~`, `{} | a | 0 | false`, ``},
	},
	"enum": {
		{`{"enum": ["a", "1"]}`, `a | "1"`, `b | A | "" | 1 | [a] | {a: a} | ~`, ``},
		{`{"enum": [1, 301, true]}`, `1 | 301 | true | 0x1`, `2 | "1" | "true" | false | 13 | 1.5`, ``},
		{`{"enum": [1.5, "2"]}`, `"2"`, `1 | 2 | "1.5"`, `1.5`},
	},
	"pattern": {
		{`{"pattern": "^[a-z]+$"}`, `a | ab | 1 | ~ | [A] | {A: 1} | true`, `"" | A | aB | "a\n" | "a\nb" | é`, ``},
		{`{"pattern": "b"}`, `abc | b`, `ac | B | ""`, ``},
		{`{"pattern": "^.{2}$"}`, `éé`, `é | ééé | "é\n"`, ``},
	},
	"minimum":   {{`{"minimum": 1}`, `1 | 2 | "0" | ~ | [0]`, `0 | -1 | 0.5`, `1.5`}},
	"maximum":   {{`{"maximum": 3}`, `3 | 2 | -9223372036854775808 | "4"`, `4 | 9223372036854775807 | 3.5 | 9223372036854775808`, `2.5`}},
	"minLength": {{`{"minLength": 2}`, `ab | éé | 1 | [] | ~`, `"" | a | é | 語`, ``}},
	"maxLength": {{`{"maxLength": 2}`, `"" | ab | éé | 語語 | 123 | [a, b, c]`, `abc | ééé`, ``}},
	"minItems":  {{`{"minItems": 1}`, `[~] | a | {} | ""`, `[]`, ``}},
	"minProperties": {
		{`{"minProperties": 2}`, `{a: 1, b: 1} | [] | a`, `{} | {a: 1}`, ``},
	},
	"required": {
		{`{"required": ["a", "b"]}`, `{a: 1, b: ~} | {a: 1, b: 1, c: 1} | [] | a`, `{} | {a: 1} | {b: 1} | {A: 1, b: 1}`, ``},
		{`{"required": []}`, `{} | 1`, ``, ``},
	},
	"items": {
		{`{"items": {"type": "string"}}`, `[] | [a] | [a, b] | a | {a: 1}`, `[1] | [a, 1] | [[a]]`, ``},
		{`{"items": false}`, `[] | a`, `[a]`, ``},
	},
	"properties": {
		{`{"properties": {"a": {"type": "string"}, "b": true}}`, `{} | {a: b} | {b: 1, c: 1} | [1]`, `{a: 1} | {b: 1, a: ~}`, ``},
		{`{"properties": {"$ref": {"type": "string"}}}`, `{$ref: a}`, `{$ref: 1}`, ``},
	},
	"patternProperties": {
		{`{"patternProperties": {"^x-": {"type": "string"}, "y": {"minLength": 2}}}`, `{x-a: a, b: 1} | {x-y: ab}`, `{x-a: 1} | {ay: a} | {x-y: a}`, ``},
		{`{"properties": {"x-a": {"minLength": 2}}, "patternProperties": {"^x-": {"type": "string"}}}`, `{x-a: ab, x-b: a}`, `{x-a: a} | {x-a: 1} | {x-b: 1}`, ``},
	},
	"additionalProperties": {
		{`{"properties": {"a": true}, "additionalProperties": false}`, `{} | {a: 1} | [1]`, `{b: 1} | {a: 1, b: 1}`, ``},
		{`{"patternProperties": {"^x-": true}, "additionalProperties": false}`, `{x-a: 1}`, `{ax-: 1} | {"": 1}`, ``},
		{`{"additionalProperties": {"type": "string"}}`, `{} | {a: b} | 1`, `{a: 1} | {a: b, c: 1}`, ``},
		{`{"allOf": [{"properties": {"a": true}}], "additionalProperties": false}`, `{}`, `{a: 1}`, ``},
	},
	"propertyNames": {
		{`{"propertyNames": {"pattern": "^[a-z]+$", "maxLength": 2}}`, `{} | {a: 1, bc: A} | [A] | A`, `{A: a} | {a: 1, abc: 1} | {"": 1}`, ``},
		{`{"propertyNames": {"enum": ["1", "a"]}}`, `{1: b, a: b}`, `{b: a}`, ``},
		{`{"propertyNames": {"type": "number"}}`, `{} | a`, `{1: a}`, ``},
	},
	"dependencies": {
		{`{"dependencies": {"a": ["b", "c"]}}`, `{} | {b: 1} | {a: 1, b: 1, c: 1} | a`, `{a: 1} | {a: 1, b: 1}`, ``},
		{`{"dependencies": {"a": {"properties": {"b": false}}}}`, `{b: 1} | {a: 1} | [a, b]`, `{a: 1, b: 1} | {b: 1, a: ~}`, ``},
	},
	"allOf": {{`{"allOf": [{"minLength": 2}, {"maxLength": 3}]}`, `ab | abc | 1`, `a | abcd`, ``}},
	"anyOf": {{`{"anyOf": [{"type": "string"}, {"minimum": 3}]}`, `a | 3 | []`, `2`, `3.5`}},
	"not":   {{`{"not": {"type": "string"}}`, `1 | [] | ~`, `a | ""`, `1.5`}, {`{"not": false}`, `1 | a`, ``, ``}},
	"if":    {{`{"if": {"type": "string"}, "then": {"minLength": 2}}`, `ab | 1 | []`, `a | ""`, `1.5`}},
	"then":  {{`{"then": {"minLength": 2}}`, `a | ab`, ``, ``}},
	"$ref": {
		{`{"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a"}`, `a`, `1`, ``},
		{`{"definitions": {"a/b": {"type": "string"}}, "items": {"$ref": "#/definitions/a~1b", "minLength": 2}}`, `[a] | [""]`, `[1]`, ``}, // what stands beside it is ignored
		{`{"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"type": "string"}}`, `{a: {a: {b: c}}} | {a: 1}`, `{a: {b: 1}} | {a: {a: {b: ~}}}`, ``},
	},
}

// The rule of a schema says of every document what the library says, and what
// it should say.
func TestRulesAgreeWithTheLibrary(t *testing.T) {
	for name, all := range keywords {
		for _, k := range all {
			rule, library := schema.Both(k.schema)
			ask := func(docs string, accepted, valid bool) {
				for doc := range strings.SplitSeq(docs, " | ") {
					if docs == "" {
						continue
					}
					v := stringKeys(decode(t, doc))
					if got := rule(tree{v}); got != accepted {
						t.Errorf("%s: the rule of %s says %t of %s, want %t", name, k.schema, got, doc, accepted)
					}
					if err := library.Validate(v); (err == nil) != valid {
						t.Errorf("%s: the library says of %s for %s: %v", name, doc, k.schema, err)
					}
				}
			}
			ask(k.right, true, true)
			ask(k.wrong, false, false)
			ask(k.rest, false, true)
		}
	}
}

// says are the keywords that ask for nothing.
var says = []string{"$schema", "title", "description", "default", "examples", "definitions", "patternErrorMessage"}

// There is no keyword in the schemas that is not tried above.
func TestEveryKeywordIsTried(t *testing.T) {
	met := map[string]bool{}
	for _, p := range parts(t) {
		for keyword := range p.is {
			met[keyword] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(met)) {
		if keywords[k] == nil && !slices.Contains(says, k) && !strings.HasPrefix(k, "x-") {
			t.Errorf("the keyword %s is not tried", k)
		}
	}
	for k := range keywords {
		if !met[k] {
			t.Errorf("no schema has the keyword %s", k)
		}
	}
}

// stringKeys is a value with texts for keys, as the loader makes them.
func stringKeys(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = stringKeys(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = stringKeys(v[key])
		}
	case map[any]any:
		out := map[string]any{}
		for key, item := range v {
			out[tree{key}.Text()] = stringKeys(item)
		}
		return out
	}
	return v
}
