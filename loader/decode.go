package loader

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
)

// A decoder makes the structs of one document from its value, which the
// schema has found well formed, and reports what the schema cannot say.
type decoder struct {
	file *file
	top  value
}

// problem reports an error at a node, with the name of its field.
func (d *decoder) problem(n *yaml.Node, code diag.Code, msg, hint string) report {
	path, _ := pathTo(d.top, n)
	return d.file.problem(n, code, msg, hint).field(fieldName(path))
}

// pathTo searches a value for a node. It is slow, and for messages alone.
func pathTo(v value, n *yaml.Node) ([]string, bool) {
	if v.node == n {
		return nil, true
	}
	for i, item := range v.items {
		if rest, ok := pathTo(item, n); ok {
			return append([]string{strconv.Itoa(i)}, rest...), true
		}
	}
	for _, f := range v.fields {
		if f.at == n {
			return []string{f.key}, true
		}
		if rest, ok := pathTo(f.value, n); ok {
			return append([]string{f.key}, rest...), true
		}
	}
	return nil, false
}

// quoted is a word of the file as messages write it.
func quoted(n *yaml.Node) string { return strconv.Quote(n.Value) }

// maxDuration is far beyond any use, and within what Envoy takes.
const maxDuration = 10_000 * time.Hour

// duration reads such as 1m30s; the schema has checked the form. Envoy counts
// milliseconds, and a part of one would be no limit at all.
func (d *decoder) duration(v value) time.Duration {
	t, err := time.ParseDuration(v.text)
	switch {
	case err != nil || t > maxDuration:
		d.problem(v.node, diag.BadValue, fmt.Sprintf("%s is longer than %d hours", v.text, maxDuration/time.Hour), "write 0s for no limit, where that is allowed")
	case t < time.Millisecond && strings.ContainsAny(v.text, "123456789"):
		d.problem(v.node, diag.BadValue, v.text+" is less than 1ms, the least that Envoy counts", "write 1ms")
	}
	return t
}

// maybe reads a duration where leaving it out means something else than zero.
func (d *decoder) maybe(v value) *time.Duration {
	if v.node == nil {
		return nil
	}
	return new(d.duration(v))
}

// names reads a list of words, each of which may stand there once.
func (d *decoder) names(v value) []name {
	if len(v.items) == 0 {
		return nil
	}
	var seen keys
	out := make([]name, 0, len(v.items))
	for _, item := range v.items {
		if first := seen.add(item.text, item.node); first != nil {
			d.problem(item.node, diag.DuplicateKey, fmt.Sprintf("%q is listed twice", item.text), "keep one of them").
				relate(d.file.path, first, "first here")
			continue
		}
		out = append(out, nameOf(item))
	}
	return out
}
