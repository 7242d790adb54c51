package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A node is an object of a schema file. It keeps the order of its keys, for
// the file has them in the order in which people want to read of them. A nil
// node is one that is not there: it has nothing.
type node struct {
	keys []string
	vals map[string]any // *node, []any, string, json.Number, bool or nil
}

func parse(text []byte) *node {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return parseValue(dec).(*node)
}

func parseValue(dec *json.Decoder) any {
	switch t := token(dec).(type) {
	case json.Delim:
		if t == '{' {
			return parseObject(dec)
		}
		list := []any{}
		for dec.More() {
			list = append(list, parseValue(dec))
		}
		token(dec) // the bracket
		return list
	default:
		return t
	}
}

func parseObject(dec *json.Decoder) *node {
	n := &node{vals: map[string]any{}}
	for dec.More() {
		n.set(token(dec).(string), parseValue(dec))
	}
	token(dec) // the brace
	return n
}

// token panics at what is not JSON: only embedded files are read.
func token(dec *json.Decoder) json.Token {
	t, err := dec.Token()
	if err != nil {
		panic(err)
	}
	return t
}

func (n *node) set(key string, v any) {
	if _, ok := n.vals[key]; !ok {
		n.keys = append(n.keys, key)
	}
	n.vals[key] = v
}

func (n *node) get(key string) any {
	if n == nil {
		return nil
	}
	return n.vals[key]
}

// child returns the object at a key, or nil.
func (n *node) child(key string) *node {
	c, _ := n.get(key).(*node)
	return c
}

func (n *node) text(key string) string {
	s, _ := n.get(key).(string)
	return s
}

// list returns the values at a key; one value alone counts as a list of one.
func (n *node) list(key string) []any {
	switch v := n.get(key).(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// words returns the strings at a key.
func (n *node) words(key string) []string {
	var out []string
	for _, v := range n.list(key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// takes reports whether a value of one of the types can be right.
func (n *node) takes(types ...string) bool {
	return slices.ContainsFunc(n.words("type"), func(t string) bool { return slices.Contains(types, t) })
}

// properties are the names of the keys that an object may have.
func (n *node) properties() []string {
	if p := n.child("properties"); p != nil {
		return p.keys
	}
	return nil
}

// resolve follows references. What stands beside a reference describes the
// same thing more closely, so it wins over what the reference leads to.
func (d *document) resolve(n *node) *node {
	if n == nil || n.text("$ref") == "" {
		return n
	}
	target, _ := d.walk(pointer(n.text("$ref"))).(*node)
	target = d.resolve(target)
	out := &node{vals: map[string]any{}}
	for _, k := range target.keys {
		out.set(k, target.vals[k])
	}
	for _, k := range n.keys {
		if k != "$ref" {
			out.set(k, n.vals[k])
		}
	}
	return out
}

// property is the resolved schema of a key, or nil.
func (d *document) property(n *node, key string) *node {
	return d.resolve(n.child("properties").child(key))
}

// asText is what says more of a text where several types are allowed.
func (d *document) asText(n *node) *node {
	if then := d.resolve(n.child("then")); then != nil && n.child("if").takes("string") {
		return then
	}
	return n
}

// walk returns what is at a place in the schema.
func (d *document) walk(tokens []string) any {
	var at any = d.root
	for _, t := range tokens {
		switch v := at.(type) {
		case *node:
			at = v.vals[t]
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i >= len(v) {
				panic(fmt.Sprintf("schema: no place %q in %s", tokens, d.kind))
			}
			at = v[i]
		default:
			panic(fmt.Sprintf("schema: no place %q in %s", tokens, d.kind))
		}
	}
	return at
}

// pointer splits a location of the validator: a JSON pointer behind what is
// before #, with tokens that are also escaped as in URLs.
func pointer(location string) []string {
	if _, after, ok := strings.Cut(location, "#"); ok {
		location = after
	}
	if location == "" {
		return nil
	}
	tokens := strings.Split(location, "/")[1:]
	for i, t := range tokens {
		if u, err := url.PathUnescape(t); err == nil {
			t = u
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens
}
