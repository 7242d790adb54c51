package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// A parser collects what is wrong with a file of rules, with places.
type parser struct {
	file string
	errs []error
}

// parseRules reads
//
//	rules:
//	  - identity: spiffe://example.org/envoy/edge-*
//	    nodes: [edge-*]
//	    clusters: [edge]
//	    groups: [edge, public-*]
func parseRules(file string, text []byte) ([]rule, error) {
	p := &parser{file: file}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: rules are one YAML document, there is more", file)
	}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s: it is empty: without a rule every Envoy would be turned away", file)
	}
	rules := p.rules(doc.Content[0])
	return rules, errors.Join(p.errs...)
}

func (p *parser) wrong(n *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d:%d: %s", p.file, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

func (p *parser) rules(top *yaml.Node) []rule {
	list, ok := p.fields(top, "the file", "rules")["rules"]
	switch {
	case !ok:
		if len(p.errs) == 0 {
			p.wrong(top, `it has no "rules"`)
		}
		return nil
	case list.Kind != yaml.SequenceNode || len(list.Content) == 0:
		p.wrong(list, "rules are a list of at least one: without a rule every Envoy would be turned away")
		return nil
	}
	var out []rule
	for _, item := range list.Content {
		out = append(out, p.rule(item))
	}
	return out
}

func (p *parser) rule(n *yaml.Node) rule {
	before := len(p.errs)
	fields := p.fields(n, "a rule", "identity", "nodes", "clusters", "groups")
	var out rule
	if id, ok := fields["identity"]; ok {
		if text, ok := p.text(id); ok {
			out.identity = identityPattern(text)
		}
	}
	if nodes, ok := fields["nodes"]; ok {
		out.nodes = p.patterns(nodes)
	}
	if clusters, ok := fields["clusters"]; ok {
		out.clusters = p.patterns(clusters)
	}
	groups, grouped := fields["groups"]
	if grouped {
		out.groups = p.patterns(groups)
	}
	switch _, named := fields["nodes"]; {
	case len(p.errs) > before:
	case out.identity == nil:
		p.wrong(n, `a rule needs "identity"`)
	case !named && !grouped:
		p.wrong(n, `a rule needs "nodes" or "groups"`)
	}
	return out
}

// fields returns the values of a mapping, which has no other keys than known.
func (p *parser) fields(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		p.wrong(n, "%s has keys %q, and this is none", what, known)
		return nil
	}
	out := map[string]*yaml.Node{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, twice := out[key.Value]; {
		case !slices.Contains(known, key.Value):
			p.wrong(key, "%s has no %q, only %q", what, key.Value, known)
		case twice:
			p.wrong(key, "%q is there twice", key.Value)
		}
		out[key.Value] = value
	}
	return out
}

func (p *parser) patterns(n *yaml.Node) []*regexp.Regexp {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.wrong(n, "want a list of names, such as [edge-1, web-*]")
		return nil
	}
	var out []*regexp.Regexp
	for _, item := range n.Content {
		if text, ok := p.text(item); ok {
			out = append(out, namePattern(text))
		}
	}
	return out
}

func (p *parser) text(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		p.wrong(n, "want a name, in which * stands for any")
		return "", false
	}
	return n.Value, true
}
