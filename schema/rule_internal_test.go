package schema

import (
	"strings"
	"testing"
)

// A keyword that rules pass over would be one that nobody checks.
func TestRulesKnowEveryKeyword(t *testing.T) {
	for _, text := range []string{
		`{"oneOf": [true]}`, `{"if": true, "then": true, "else": false}`, `{"properties": {"a": {"uniqueItems": true}}}`, `{"items": {"const": 1}}`,
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), "nothing is known of the keyword") {
					t.Errorf("a rule for %s: recovered %v, want a panic that names the keyword", text, r)
				}
			}()
			(&rules{doc: &document{kind: "test"}, made: map[*node]*rule{}}).of(parse([]byte(text)))
		}()
	}
}
