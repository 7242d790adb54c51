package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A rule is one schema as functions, one for each of its keywords: all have to
// say yes. A rule without any accepts everything.
type rule []func(Value) bool

func (r rule) accepts(v Value) bool {
	for _, check := range r {
		if !check(v) {
			return false
		}
	}
	return true
}

// rules makes the rules of one document's schema. A keyword that it does not
// know ends the program: the schemas are embedded, and tested.
type rules struct {
	doc  *document
	made map[*node]*rule
}

// rules makes the rule of the whole schema.
func (d *document) rules() *rule {
	return (&rules{doc: d, made: map[*node]*rule{}}).of(d.root)
}

// of makes the rule of a schema, which is an object, true or false.
func (rs *rules) of(schema any) *rule {
	switch schema := schema.(type) {
	case *node:
		return rs.object(schema)
	case bool:
		return &rule{func(Value) bool { return schema }}
	}
	panic(fmt.Sprintf("schema: %v is no schema, in %s", schema, rs.doc.kind))
}

func (rs *rules) object(n *node) *rule {
	if r := rs.made[n]; r != nil {
		return r
	}
	r := &rule{}
	rs.made[n] = r // its parts may lead back to it
	if to := n.text("$ref"); to != "" {
		target := rs.of(rs.doc.walk(pointer(to))) // which may not be complete yet
		*r = rule{func(v Value) bool { return target.accepts(v) }}
		return r // draft-07 ignores what stands beside a reference
	}
	for _, keyword := range n.keys {
		if check := rs.check(n, keyword); check != nil {
			*r = append(*r, check)
		}
	}
	if n.child("properties") != nil || n.child("patternProperties") != nil || n.get("additionalProperties") != nil {
		*r = append(*r, rs.members(n))
	}
	return r
}

// each makes the rules of a list of schemas.
func (rs *rules) each(schemas []any) []*rule {
	var out []*rule
	for _, schema := range schemas {
		out = append(out, rs.of(schema))
	}
	return out
}

// check makes the function of a keyword, nil for one that asks for nothing or
// is seen to with another.
func (rs *rules) check(n *node, keyword string) func(Value) bool {
	switch keyword {
	case "type":
		return hasType(n.words(keyword))
	case "enum":
		return isOneOf(n.list(keyword))
	case "pattern":
		return matches(regexp.MustCompile(n.text(keyword)))
	case "minimum", "maximum", "minLength", "maxLength", "minItems", "minProperties":
		return limit(keyword, n.get(keyword).(json.Number))
	case "required":
		return hasAll(n.words(keyword))
	case "items":
		return eachItem(rs.of(n.get(keyword)))
	case "propertyNames":
		return eachKey(rs.of(n.get(keyword)))
	case "dependencies":
		return rs.dependencies(n.child(keyword))
	case "allOf", "anyOf", "not", "if":
		return rs.combined(n, keyword)
	case "properties", "patternProperties", "additionalProperties", "then":
		return nil
	case "definitions", "$schema", "title", "description", "default", "examples", "patternErrorMessage":
		return nil
	}
	if strings.HasPrefix(keyword, "x-") {
		return nil
	}
	panic(fmt.Sprintf("schema: nothing is known of the keyword %q in %s", keyword, rs.doc.kind))
}

// combined makes the function of a keyword that has schemas for the same value.
func (rs *rules) combined(n *node, keyword string) func(Value) bool {
	switch keyword {
	case "allOf":
		all := rs.each(n.list(keyword))
		return func(v Value) bool { return !slices.ContainsFunc(all, func(r *rule) bool { return !r.accepts(v) }) }
	case "anyOf":
		some := rs.each(n.list(keyword))
		return func(v Value) bool { return slices.ContainsFunc(some, func(r *rule) bool { return r.accepts(v) }) }
	case "not":
		not := rs.of(n.get(keyword))
		return func(v Value) bool { return !not.accepts(v) }
	}
	cond, then := rs.of(n.get("if")), rs.of(n.get("then"))
	return func(v Value) bool { return !cond.accepts(v) || then.accepts(v) }
}

// members makes the function of the three keywords about the values of an
// object: those of known keys, of keys like some, and of all others.
func (rs *rules) members(n *node) func(Value) bool {
	known := map[string]*rule{}
	if p := n.child("properties"); p != nil {
		for _, key := range p.keys {
			known[key] = rs.of(p.vals[key])
		}
	}
	like := map[*regexp.Regexp]*rule{}
	if p := n.child("patternProperties"); p != nil {
		for _, key := range p.keys {
			like[regexp.MustCompile(key)] = rs.of(p.vals[key])
		}
	}
	others := &rule{}
	if more := n.get("additionalProperties"); more != nil {
		others = rs.of(more)
	}
	return func(v Value) bool {
		return eachField(v, func(key string, item Value) bool {
			r, ok := known[key]
			if ok && !r.accepts(item) {
				return false
			}
			for pattern, r := range like {
				if !pattern.MatchString(key) {
					continue
				}
				if ok = true; !r.accepts(item) {
					return false
				}
			}
			return ok || others.accepts(item)
		})
	}
}

// dependencies makes the function of what an object must be like, or must have
// too, if it has a key.
func (rs *rules) dependencies(n *node) func(Value) bool {
	needs := map[string]func(Value) bool{}
	for _, key := range n.keys {
		if _, keys := n.vals[key].([]any); keys {
			needs[key] = hasAll(n.words(key))
			continue
		}
		r := rs.of(n.vals[key])
		needs[key] = func(v Value) bool { return r.accepts(v) }
	}
	return func(v Value) bool {
		return eachField(v, func(key string, _ Value) bool {
			need, ok := needs[key]
			return !ok || need(v)
		})
	}
}
