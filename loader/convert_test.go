package loader

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What YAML makes of plain words surprises people. This is what we make of it.
func TestConvert(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want any
	}{
		"octal":              {"v: 0644", json.Number("420")},
		"new octal":          {"v: 0o644", json.Number("420")},
		"not octal":          {"v: 0899", json.Number("899")},
		"hexadecimal":        {"v: 0x1F", json.Number("31")},
		"underscores":        {"v: 1_000", json.Number("1000")},
		"exponent":           {"v: 1e3", json.Number("1000")},
		"huge exponent":      {"v: 1e5000000", "1e5000000"},
		"version":            {"v: 1.10", json.Number("1.1")},
		"base 60":            {"v: 22:22", "22:22"},
		"date":               {"v: 2024-01-01", "2024-01-01"},
		"yes":                {"v: yes", "yes"},
		"off":                {"v: off", "off"},
		"true":               {"v: True", true},
		"quoted number":      {`v: "80"`, "80"},
		"beyond int64":       {"v: 18446744073709551615", json.Number("18446744073709551615")},
		"null":               {"v: ~", nil},
		"nothing":            {"v:", nil},
		"integer key":        {"v: {1: a, true: b, 2024-01-01: c}", map[string]any{"1": "a", "true": "b", "2024-01-01": "c"}},
		"alias":              {"x: &a [1]\nv: *a", []any{json.Number("1")}},
		"merge":              {"x: &a {k: 1, l: 2}\nv: {<<: *a, k: 3}", map[string]any{"k": json.Number("3"), "l": json.Number("2")}},
		"merge of several":   {"x: &a {k: 1}\ny: &b {k: 2, l: 3}\nv: {<<: [*a, *b]}", map[string]any{"k": json.Number("1"), "l": json.Number("3")}},
		"merge in a merge":   {"x: &a {k: 1}\ny: &b {<<: *a, l: 2}\nv: {<<: *b}", map[string]any{"k": json.Number("1"), "l": json.Number("2")}},
		"quoted merge":       {`v: {"<<": 1}`, map[string]any{"<<": json.Number("1")}},
		"CRLF":               {"v: a\r\n", "a"},
		"byte order mark":    {"\ufeffv: a", "a"},
		"flow":               {`{"v": [1, {"a": "b"}]}`, []any{json.Number("1"), map[string]any{"a": "b"}}},
		"several lines":      {"v: |\n  a\n  b\n", "a\nb\n"},
		"explicit string":    {"v: !!str 12", "12"},
		"comment as a value": {"v: # nothing\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &file{path: "a.yaml"}
			nodes := f.nodes([]byte(tt.yaml))
			if len(nodes) != 1 {
				t.Fatalf("%d documents, problems %v", len(nodes), f.problems)
			}
			v := (&converter{file: f}).convert(nodes[0], 0)
			if f.problems.HasErrors() {
				t.Fatal(f.problems)
			}
			if diff := cmp.Diff(tt.want, v.get("v").json()); diff != "" {
				t.Errorf("json of %q (-want +got):\n%s", tt.yaml, diff)
			}
		})
	}
}

// A place is a line and a column in characters, however the value is written.
func TestFind(t *testing.T) {
	const text = "a: 1\nß: {b: [x, 'é y'], \"c d/e\": 2}\nempty:\n"
	f := &file{path: "a.yaml"}
	v := (&converter{file: f}).convert(f.nodes([]byte(text))[0], 0)
	tests := []struct {
		path      []string
		key       bool
		line, col int
	}{
		{nil, false, 1, 1},
		{[]string{"a"}, false, 1, 4},
		{[]string{"a"}, true, 1, 1},
		{[]string{"ß"}, true, 2, 1},
		{[]string{"ß", "b", "1"}, false, 2, 12},
		{[]string{"ß", "c d/e"}, true, 2, 20},
		{[]string{"ß", "c d/e"}, false, 2, 29},
		{[]string{"ß", "b", "7"}, false, 2, 8},
		{[]string{"ß", "missing"}, false, 2, 4},
		{[]string{"empty"}, false, 3, 1},
	}
	for _, tt := range tests {
		if n := v.find(tt.path, tt.key); n.Line != tt.line || n.Column != tt.col {
			t.Errorf("find(%q, %t) is at %d:%d, want %d:%d", tt.path, tt.key, n.Line, n.Column, tt.line, tt.col)
		}
	}
}
