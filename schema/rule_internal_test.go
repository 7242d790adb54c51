package schema

import (
	"strings"
	"testing"
)

// A keyword that rules pass over would be one that nobody checks.
func TestRulesKnowEveryKeyword(t *testing.T) {
	for _, text := range []string{
		`{"format": "ipv4"}`, `{"const": 1}`, `{"exclusiveMinimum": 1}`, `{"contains": true}`,
		`{"oneOf": [true]}`, `{"if": true, "then": true, "else": false}`, `{"properties": {"a": {"uniqueItems": true}}}`, `{"items": {"const": 1}}`,
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), "nothing is known of the keyword") {
					t.Errorf("a rule for %s: recovered %v, want a panic that names the keyword", text, r)
				}
			}()
			(&document{kind: "test", root: parse([]byte(text))}).rules()
		}()
	}
}

// So would be a schema in a form that draft-07 has and rules do not.
func TestRulesRefuseOtherForms(t *testing.T) {
	for _, text := range []string{`{"if": true}`, `{"items": [true]}`, `{"not": null}`, `{"enum": [null]}`, `{"enum": [[]]}`, `{"minimum": 1.5}`, `{"type": "text"}`} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is a rule for %s", text)
				}
			}()
			(&document{kind: "test", root: parse([]byte(text))}).rules()
		}()
	}
}
