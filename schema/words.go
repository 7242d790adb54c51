package schema

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// typeNames are JSON's types in the words of people who write YAML.
//
//nolint:gochecknoglobals // a table, never changed
var typeNames = map[string]string{
	"string": "a string", "integer": "a whole number", "number": "a number",
	"boolean": "true or false", "array": "a list", "object": "a mapping",
}

// expected says what a schema takes: a list, a string or a mapping.
func (d *document) expected(n *node) string {
	var out []string
	for _, t := range n.words("type") {
		if t == "string" {
			out = append(out, expectedTexts(d.asText(n))...)
			continue
		}
		out = append(out, typeNames[t])
	}
	return alternatives(out)
}

// expectedTexts says which texts are taken.
func expectedTexts(n *node) []string {
	if values := n.words("enum"); len(values) > 0 {
		return quotedAll(values)
	}
	if words := n.text("patternErrorMessage"); words != "" {
		return []string{strings.TrimPrefix(words, "expected ")}
	}
	return []string{typeNames["string"]}
}

// got says what a value is, without saying all of it.
func got(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return typeNames["string"]
	case []any:
		return typeNames["array"]
	case map[string]any:
		return typeNames["object"]
	}
	return typeNames["number"]
}

// typeOf is the JSON type of a value.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "number"
}

// scalar writes a value that is neither a list nor a mapping.
func scalar(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(shorten(s))
	}
	return shorten(fmt.Sprint(v))
}

// shorten keeps messages readable whatever is in a file.
func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func quotedAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return out
}

// alternatives joins words as people do: a, b or c.
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// noun says what kind of mapping has a key: a route, "retry".
func (f failure) noun() string {
	title := f.object.text("title")
	switch {
	case title == "" && f.key() != "":
		return strconv.Quote(f.key())
	case title == "":
		return "this document"
	case strings.ContainsRune("aeiou", rune(title[0])):
		return "an " + title
	}
	return "a " + title
}

// flow writes a value as YAML on one line.
func flow(v any) string {
	switch v := v.(type) {
	case string:
		if plain(v) {
			return v
		}
		return strconv.Quote(v)
	case json.Number:
		return v.String()
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = flow(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *node:
		fields := make([]string, len(v.keys))
		for i, key := range v.keys {
			fields[i] = key + ": " + flow(v.vals[key])
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return fmt.Sprint(v)
}
