package loader

import (
	"cmp"
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"

	"dragoman/diag"
)

// The bounds of one file. yaml.v3 checks none of them when it decodes into
// nodes: an alias bomb of 1 kB would expand to gigabytes.
const (
	maxBytes = 1 << 20
	maxDepth = 100
	maxNodes = 100_000
)

// A converter makes values of the nodes of one file.
type converter struct {
	file  *file
	nodes int        // made so far, aliases counted each time
	alias *yaml.Node // the outermost that is being followed
	over  bool
}

// convert makes a value of a node. Problems go to the file.
func (c *converter) convert(n *yaml.Node, depth int) value {
	c.nodes++
	if c.over {
		return value{node: n}
	}
	if c.nodes > maxNodes || depth > maxDepth {
		c.over = true
		c.file.problem(cmp.Or(c.alias, n), diag.TooLarge, tooLarge(c.nodes), "look for an anchor that is used inside itself, or split the file")
		return value{node: n}
	}
	switch n.Kind {
	case yaml.AliasNode:
		outer := c.alias
		c.alias = cmp.Or(outer, n)
		v := c.convert(n.Alias, depth+1)
		c.alias = outer
		return v
	case yaml.SequenceNode:
		v := value{kind: list, node: n, items: make([]value, 0, len(n.Content))}
		for _, item := range n.Content {
			v.items = append(v.items, c.convert(item, depth+1))
		}
		return v
	case yaml.MappingNode:
		return c.object(n, depth)
	case yaml.ScalarNode:
		return c.scalar(n)
	case yaml.DocumentNode: // only ever at the top, see documents
	}
	return value{node: n}
}

func tooLarge(nodes int) string {
	if nodes > maxNodes {
		return fmt.Sprintf("more than %d values in one file, aliases counted", maxNodes)
	}
	return fmt.Sprintf("nested more than %d levels deep", maxDepth)
}

// object makes an object of a mapping. Its own keys win over merged ones, and
// an earlier merge over a later one, as YAML's merge key type says.
func (c *converter) object(n *yaml.Node, depth int) value {
	v := value{kind: object, node: n, fields: make([]field, 0, len(n.Content)/2)}
	var merges []*yaml.Node
	var seen keys
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, node := n.Content[i], n.Content[i+1]
		key, ok := c.key(at)
		switch {
		case !ok:
			continue
		case at.ShortTag() == "!!merge":
			merges = append(merges, node)
			continue
		}
		if first := seen.add(key, at); first != nil {
			c.file.problem(at, diag.DuplicateKey, fmt.Sprintf("the key %q stands here twice", key), "keep one of them").
				relate(c.file.path, first, "first here")
			continue
		}
		v.fields = append(v.fields, field{key: key, at: at, value: c.convert(node, depth+1)})
	}
	for _, m := range merges {
		c.merge(&v, m, &seen, depth)
	}
	return v
}

// merge adds the fields of what a merge key names.
func (c *converter) merge(into *value, n *yaml.Node, seen *keys, depth int) {
	from := c.convert(n, depth+1)
	sources := []value{from}
	if from.kind == list {
		sources = from.items
	}
	for _, s := range sources {
		if s.kind != object {
			if !c.over {
				c.file.problem(n, diag.WrongType, "a merge key (<<) takes a mapping or a list of mappings", "write <<: *name of an anchor")
			}
			continue
		}
		for _, f := range s.fields {
			if seen.add(f.key, f.at) == nil {
				into.fields = append(into.fields, f)
			}
		}
	}
}

// key returns a mapping's key as a string. YAML allows anything there.
func (c *converter) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.MappingNode && c.file.template(n.Line, n.Line) {
		return "", false // {{ … }} is a mapping as a key of a mapping
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		c.file.problem(n, diag.WrongType, "a key must be a word", "put it in quotes")
		return "", false
	}
	return n.Value, true
}

// octal is how an octal number looks to YAML and to nobody else.
var octal = regexp.MustCompile(`^0[0-9]+$`)

func (c *converter) scalar(n *yaml.Node) value {
	switch n.ShortTag() {
	case "!!null":
		return value{kind: null, node: n}
	case "!!bool":
		if n.Value == "true" || n.Value == "false" {
			return value{kind: boolean, node: n, text: n.Value}
		}
		var b bool
		if n.Decode(&b) == nil {
			return value{kind: boolean, node: n, text: fmt.Sprint(b)}
		}
	case "!!int", "!!float":
		num, ok := jsonNumber(n)
		if !ok {
			c.file.problem(n, diag.BadValue, fmt.Sprintf("%s is not a number that JSON has", n.Value), "put it in quotes if it is meant as text")
			return value{node: n}
		}
		if n.Value != num && octal.MatchString(n.Value) {
			c.file.warn(n, diag.OddNumber, fmt.Sprintf("for YAML %s is the number %s", n.Value, num), "put it in quotes, or write it without the leading zero")
		}
		return value{kind: number, node: n, text: num}
	case "!!str", "!!timestamp", "!!merge", "!!binary":
		return value{kind: text, node: n, text: n.Value}
	}
	c.file.problem(n, diag.BadValue, fmt.Sprintf("the tag %s means nothing here", n.Tag), "leave the tag out")
	return value{node: n}
}
