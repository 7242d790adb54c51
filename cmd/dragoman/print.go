package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v3"
)

// plain is a message as JSON values, under the names that Envoy's own
// documentation uses. protojson's spacing differs from build to build by
// intent, so its text is never printed as it is.
func plain(m proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a float64 would print 1e+06 for 1000000
	var out any
	return out, dec.Decode(&out)
}

// printJSON prints JSON values with sorted keys.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // people read <, > and & as such
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printYAML prints JSON values with sorted keys.
func printYAML(w io.Writer, v any) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	p := yamlPrinter{bare: regexp.MustCompile(`^([A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+(\.[0-9]+)?s|[0-9]+(\.[0-9]+){3})$`)}
	if err := enc.Encode(p.node(v)); err != nil {
		return err
	}
	return enc.Close()
}

// A yamlPrinter decides itself what stands in quotes: left to the library, a
// json.Number gets some, the key << gets none, and text that begins with a line
// break loses it.
type yamlPrinter struct {
	bare *regexp.Regexp // what no YAML reader takes for anything but text
}

// node is a JSON value as YAML.
func (p yamlPrinter) node(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out.Content = append(out.Content, p.text(key), p.node(v[key]))
		}
		return out
	case []any:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			out.Content = append(out.Content, p.node(item))
		}
		return out
	case string:
		return p.text(v)
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)} // a number, digit for digit, or a bool
}

func (p yamlPrinter) text(s string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	switch strings.ToLower(s) {
	case "y", "yes", "n", "no", "on", "off", "true", "false", "null":
		return out // words that some reader takes for something else
	}
	const otherBreaks = "\u0085\u2028\u2029" // a literal block loses them
	switch {
	case p.bare.MatchString(s):
		out.Style = 0
	case strings.Contains(s, "\n") && strings.TrimSpace(s[:1]) != "" && !strings.ContainsAny(s, otherBreaks):
		out.Style = yaml.LiteralStyle
	}
	return out
}
