package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

// form says in a few words what a field takes: duration, list of names,
// URL, list of URLs or mapping.
func (d *document) form(n *node) string {
	n = d.resolve(n)
	var out []string
	for _, t := range n.words("type") {
		if t == "string" {
			out = append(out, textForms(d.asText(n))...)
			continue
		}
		if t == "number" && len(n.list("enum")) > 0 {
			continue // YAML's 1.2 for "1.2"
		}
		out = append(out, d.formOf(n, t))
	}
	return alternatives(out)
}

func (d *document) formOf(n *node, t string) string {
	switch t {
	case "integer":
		return numberForm(n)
	case "array":
		return "list of " + d.formOfMany(n.child("items"))
	case "object":
		if values := n.child("additionalProperties"); values != nil && n.child("properties") == nil {
			return "mapping of names to " + d.formOfMany(values)
		}
		return "mapping"
	case "number":
		return "number"
	}
	return typeNames[t]
}

func textForms(n *node) []string {
	if values := n.words("enum"); len(values) > 0 {
		return values
	}
	if title := n.text("title"); title != "" && !n.takes("object") {
		return []string{title}
	}
	return []string{"text"}
}

func numberForm(n *node) string {
	if values := n.list("enum"); len(values) > 0 {
		all := make([]string, len(values))
		for i, v := range values {
			all[i] = fmt.Sprint(v)
		}
		return alternatives(all)
	}
	if title := n.text("title"); title != "" {
		return title
	}
	least, most := n.vals["minimum"], n.vals["maximum"]
	if most, ok := most.(json.Number); !ok || len(most) > 5 {
		return "whole number"
	}
	return fmt.Sprintf("%v to %v", least, most)
}

// formOfMany is a form in the plural, except where there are several.
func (d *document) formOfMany(n *node) string {
	r := d.resolve(n)
	if title := r.text("title"); title != "" {
		return plural(title)
	}
	if types := r.words("type"); len(types) > 1 {
		return d.form(r)
	}
	return plural(d.form(r))
}

func plural(s string) string {
	if strings.HasSuffix(s, "s") {
		return s + "es"
	}
	return s + "s"
}

// choices are the values that the items of a list are taken from.
func (d *document) choices(n *node) []string {
	return d.resolve(n.child("items")).words("enum")
}

// defaultOf says what holds when a field is left out; "" when nothing does.
func defaultOf(n *node) string {
	v, ok := n.vals["default"]
	if word, isText := v.(string); isText {
		return word
	}
	if ok {
		return flow(v)
	}
	return n.text("x-default")
}
