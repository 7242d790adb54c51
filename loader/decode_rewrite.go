package loader

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dragoman/diag"
	"dragoman/model"
)

// rewrite reads a path, or an object of one path rewrite and a host.
func (d *decoder) rewrite(v value, match model.PathMatch) *rewrite {
	r := &rewrite{}
	if v.kind == text {
		r.path.Kind, r.path.With = d.prefixRewrite(field{at: v.node, value: v}, match)
		return r
	}
	for _, f := range v.fields {
		switch f.key {
		case "prefix":
			r.path.Kind, r.path.With = d.prefixRewrite(f, match)
		case "path":
			r.path.Kind, r.path.With = model.RewritePath, f.value.text
			d.literalDollar(f.value, `write regex: {pattern: …, with: …}, where \1 is the first group`)
		case "regex":
			r.path = d.regexRewrite(f.value)
		case "host":
			if r.host.Auto = f.value.text == "auto"; !r.host.Auto {
				r.host.Name = f.value.text
			}
		}
	}
	return r
}

// prefixRewrite replaces what a prefix matched. An exact path is matched
// whole, so there it is the whole path; a regular expression has no prefix.
func (d *decoder) prefixRewrite(f field, match model.PathMatch) (model.RewriteKind, string) {
	d.literalDollar(f.value, `write regex: {pattern: …, with: …} in a rewrite, where \1 is the first group`)
	switch match.Kind {
	case model.PathExact:
		return model.RewritePath, f.value.text
	case model.PathRegex:
		d.problem(f.at, diag.BadRewrite, "a prefix rewrite needs a prefix to replace, and this route matches by regex",
			"write {path: /new}, or {regex: {pattern: …, with: …}} in a rewrite")
	case model.PathPrefix:
	}
	return model.RewritePrefix, f.value.text
}

// group is a reference to a group in a substitution; \\ is a backslash.
var group = regexp.MustCompile(`\\(.?)`)

func (d *decoder) regexRewrite(v value) model.PathRewrite {
	pattern := d.regex(v.get("pattern"))
	with := v.get("with")
	d.literalDollar(with, `write \1 for the first group`)
	groups := 0
	if re, err := regexp.Compile(pattern); err == nil {
		groups = re.NumSubexp()
	}
	for _, m := range group.FindAllStringSubmatch(with.text, -1) {
		if m[1] == `\` {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			d.problem(with.node, diag.BadRewrite, fmt.Sprintf("%s is not a reference to a group", m[0]), `write \1 for the first group, \\ for a backslash`)
		} else if n > groups {
			d.problem(with.node, diag.BadRewrite, fmt.Sprintf("%s refers to a group that the pattern does not have", m[0]), "put brackets around the part you mean")
		}
	}
	return model.PathRewrite{Kind: model.RewriteRegex, Pattern: pattern, With: with.text}
}

// comparison is the kind of match that a key of one stands for.
func comparison(key string) (model.ValueKind, bool) {
	switch key {
	case "exact":
		return model.ValueExact, true
	case "prefix":
		return model.ValuePrefix, true
	case "suffix":
		return model.ValueSuffix, true
	case "contains":
		return model.ValueContains, true
	case "regex":
		return model.ValueRegex, true
	case "present":
		return model.ValuePresent, true
	}
	return 0, false
}

// valueMatches reads a map of name to value or comparison. normal gives names
// the form in which they are compared.
func (d *decoder) valueMatches(v value, normal func(string) string) []model.ValueMatch {
	var out []model.ValueMatch
	var seen keys
	for _, f := range v.fields {
		name := normal(f.key)
		if first := seen.add(name, f.at); first != nil {
			d.problem(f.at, diag.DuplicateKey, fmt.Sprintf("%s stands here twice", name), "header names do not heed case").
				relate(d.file.path, first, "first here")
			continue
		}
		out = append(out, d.valueMatch(name, f.value))
	}
	slices.SortFunc(out, func(a, b model.ValueMatch) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *decoder) valueMatch(name string, v value) model.ValueMatch {
	m := model.ValueMatch{Name: name, Value: v.text}
	if v.kind != object {
		return m
	}
	m.Not, m.IgnoreCase = v.get("not").bool(), v.get("ignoreCase").bool()
	for _, f := range v.fields {
		if kind, ok := comparison(f.key); ok {
			m.Kind, m.Value = kind, f.value.text
		}
	}
	switch m.Kind {
	case model.ValueRegex:
		d.regex(v.get("regex"))
		fallthrough
	case model.ValuePresent:
		if v.has("ignoreCase") {
			d.problem(v.get("ignoreCase").node, diag.NoEffect, `"ignoreCase" means nothing with regex and present`, "in a regular expression write (?i)")
		}
	case model.ValueExact, model.ValuePrefix, model.ValueSuffix, model.ValueContains:
	}
	if m.Kind == model.ValuePresent {
		m.Value = ""
	}
	return m
}
