package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// Whatever a resource holds, the YAML that is printed must read back as it: a
// header value of no must not become false.
func TestPrintYAMLKeepsTypes(t *testing.T) {
	want := map[string]any{}
	for _, text := range []string{
		"", "n", "no", "Yes", "on", "true", "~", "null", "123", "0x1f", "0o17", "017", "1e3", ".5", "1_000", "12:30:00",
		"2024-01-01", ".inf", "NaN", "a: b", "a #b", "# a", "- a", "*", "*.example.com", "&a", "!a", "%a", "@a", "`a", "{a}", "[a]",
		"|", ">", "?", "a\n", "a\n\n", "\na", " a", "a ", "  a\n b\n", "\ta", "a\tb", "\"a\"", "'a'", `\a`, "é", "\u2028", "=", "<<",
		"a\nb", "a\n b\n", "a\n\n b", "a \nb", "a\nb ", "a\n ", "a\r\nb", "a\n\tb\n", "# a\nb", "a: b\nc: d\n", "\x01\n", "\u2028\n", "é\né\n", "nan", "Inf",
	} {
		want["value "+text] = text
		want[text] = "key" // it may be a name of the user's as well
	}
	var b strings.Builder
	if err := printYAML(&b, want); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatalf("what is printed is no YAML: %v\n%s", err, b.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for _, bare := range []string{": n\n", ": no\n", ": Yes\n", ": on\n", ": 123\n", ": 12:30:00\n"} {
		if strings.Contains(b.String(), bare) {
			t.Errorf("%q stands without quotes", bare)
		}
	}
}

func TestPrintYAMLKeepsNumbers(t *testing.T) {
	in := map[string]any{"b": []any{json.Number("1000000"), json.Number("0.25"), json.Number("-1")}, "a": "1000000"}
	var b strings.Builder
	if err := printYAML(&b, in); err != nil {
		t.Fatal(err)
	}
	want := "a: \"1000000\"\nb:\n  - 1000000\n  - 0.25\n  - -1\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("printYAML (-want +got):\n%s", diff)
	}
}
