package schema

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// What is shown as YAML must be YAML, and mean the same.
func TestFlow(t *testing.T) {
	for _, give := range []string{
		`"cart"`, `"http://cart:8080"`, `"http://[::1]:8080"`, `"on"`, `"No"`, `"null"`, `"~"`, `""`, `"a b"`, `"a: b"`, `"a #b"`, `"*.a.com"`,
		`"5s"`, `"1m30s"`, `"5xx"`, `"10.0.0.1"`, `"1e3"`, `"0x1f"`, `"1_000"`, `"2024-01-01"`, `"22:22"`, `"1.10"`, `"/"`, `"/a/b"`, `"-"`, `"a:"`,
		`"line\nline"`, `"\\1"`, `"%REQ(:path)%"`, `"[a]"`, `"{a}"`, `"a,b"`, `"text/plain; charset=utf-8"`, `"é"`,
		`[1, 2.5, true, "true", ["a"], {"on": "off", "x-a": {"b": "[0-9]+"}}]`,
	} {
		var want, got any
		if err := json.Unmarshal([]byte(give), &want); err != nil {
			t.Fatal(err)
		}
		text := "[" + flow(parse([]byte(`{"v": ` + give + `}`)).vals["v"]) + "]"
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s is no YAML: %v", text, err)
			continue
		}
		// Through JSON, so that numbers are of one type.
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{want}, got); diff != "" {
			t.Errorf("%s means something else (-want +got):\n%s", text, diff)
		}
	}
}

// Every field can be explained, whatever it is.
func TestEverySectionIsExplained(t *testing.T) {
	for _, kind := range Kinds() {
		for _, s := range documents()[kind].sections() {
			for _, key := range append(s.object.properties(), "") {
				field := s.path
				if key != "" {
					field += "." + key
				}
				if field == "service.routes.headers" {
					continue // below it stand names
				}
				if _, err := Explain(field); err != nil && s.path != "service.routes.headers" {
					t.Errorf("Explain(%s): %v", field, err)
				}
			}
		}
	}
}

// The numbers that make the validator panic never reach it; if one did, it
// would be an error.
func TestCheckSurvivesPanics(t *testing.T) {
	doc := map[string]any{"listener": "a", "port": json.Number("1e5000000")}
	if err := documents()["listener"].check(doc); err == nil {
		t.Error("check(port 1e5000000) = nil, want an error")
	}
}
