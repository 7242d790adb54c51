package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dragoman/diag"
)

// describe says in words what a failure is. The words come from the schema
// and the value; a keyword without words here must not be in a schema.
func (d *document) describe(f failure) []finding {
	switch f.keyword {
	case "type":
		return []finding{d.wrongType(f)}
	case "enum":
		return []finding{d.notOneOf(f)}
	case "pattern":
		return []finding{wrongForm(f)}
	case "minimum", "maximum":
		return []finding{f.finding(diag.BadValue, fmt.Sprintf("expected a number from %v to %v, got %s",
			f.schema.vals["minimum"], f.schema.vals["maximum"], scalar(f.value)), "")}
	case "minLength":
		return []finding{f.finding(diag.EmptyValue, "the text is empty", "")}
	case "maxLength":
		return []finding{f.finding(diag.BadValue, fmt.Sprintf("the text is longer than %v characters", f.schema.vals["maxLength"]), "")}
	case "minItems":
		return []finding{f.finding(diag.EmptyValue, "the list is empty", suchAs(f))}
	case "minProperties":
		return []finding{f.finding(diag.EmptyValue, "the mapping is empty", suchAs(f))}
	case "required":
		return d.missing(f)
	case "anyOf":
		return []finding{d.missingAny(f)}
	case "additionalProperties":
		return d.unknown(f)
	case "dependencies":
		f.path = append(slices.Clone(f.path), f.beside)
		return []finding{f.atKey(diag.NoEffect, fmt.Sprintf("%q means nothing without %q", f.beside, f.needs), "add it or take this out")}
	case "false":
		return []finding{f.atKey(diag.NoEffect, fmt.Sprintf("%q and %q exclude each other", f.beside, f.key()), "keep one of them")}
	}
	panic("schema: no words for the keyword " + f.keyword)
}

// wrongType is about a value that is a list, say, where a text should be.
func (d *document) wrongType(f failure) finding {
	if f.value == nil {
		return f.finding(diag.EmptyValue, "the value is empty", "check the indentation of the next lines")
	}
	if slices.Contains(f.schema.words("x-not-yet-types"), typeOf(f.value)) {
		return f.finding(diag.NotYet, fmt.Sprintf("%s as %q is not supported yet", got(f.value), f.key()), suchAs(f))
	}
	expected, hint := d.expected(f.schema), d.typeHint(f)
	if hint == inQuotes {
		expected = typeNames["string"] // and with quotes it would be a good one
	}
	return f.finding(diag.WrongType, fmt.Sprintf("expected %s, got %s", expected, got(f.value)), hint)
}

// notOneOf is about a value that is none of those that there are.
func (d *document) notOneOf(f failure) finding {
	var all []string
	for _, v := range f.schema.list("enum") {
		if text := scalar(v); !slices.Contains(all, strconv.Quote(text)) { // YAML's 1.2 stands for "1.2"
			all = append(all, text)
		}
	}
	if len(all) == 1 {
		return f.finding(diag.BadValue, fmt.Sprintf("expected %s, got %s", all[0], scalar(f.value)), f.otherForm())
	}
	word, _ := f.value.(string)
	msg := fmt.Sprintf("%s is not one of %s", scalar(f.value), strings.Join(all, ", "))
	if meant := synonym(word, f.schema); meant != "" {
		return f.finding(diag.BadValue, msg, fmt.Sprintf("did you mean %q?", meant))
	}
	return f.finding(diag.BadValue, msg, suggest(word, f.schema.words("enum"), f.otherForm()))
}

// wrongForm is about a text that does not match its pattern. The pattern's
// words are the schema's; nobody is shown a regular expression.
func wrongForm(f failure) finding {
	text, _ := f.value.(string)
	scheme, rest, isURL := strings.Cut(text, ":")
	if isURL && rest != "" && later(scheme, f.schema.words("x-not-yet-schemes")) {
		return f.finding(diag.NotYet, fmt.Sprintf("the scheme %q is not supported yet", scheme), "")
	}
	hint := unquoted(text, f.schema)
	better, guessed := guess(text, f.schema)
	isURL = isURL && strings.HasPrefix(rest, "//")
	switch {
	case hint != "":
	case strings.Contains(text, "${"), strings.Contains(text, "<%"):
		hint = "this looks like a variable that was not filled in, and Dragoman fills in none"
	case isURL && f.schema.text("x-url") != "":
		hint = f.schema.text("x-url")
	case strings.Contains(text, "://") && strings.ContainsAny(text, ", "):
		hint = "several are written as a list: " + flow(parts(text))
	case synonym(text, f.schema) != "":
		hint = fmt.Sprintf("did you mean %q?", synonym(text, f.schema))
	case guessed:
		hint = fmt.Sprintf("did you mean %q?", better)
	case isURL && synonym(scheme, f.schema) != "":
		hint = fmt.Sprintf("did you mean %q?", synonym(scheme, f.schema)+":"+rest)
	case isURL:
		hint = suggest(scheme, f.schema.words("x-schemes"), "")
	}
	return f.finding(diag.BadValue, fmt.Sprintf("%s, got %s", f.schema.text("patternErrorMessage"), scalar(text)), hint)
}

// parts are the items of a list that was written as one text.
func parts(s string) []any {
	var out []any
	for _, item := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		out = append(out, item)
	}
	return out
}

// mappingLike shows the first example that is a mapping, or nothing.
func mappingLike(before string, n *node) string {
	for _, example := range n.list("examples") {
		if m, ok := example.(*node); ok {
			return before + flow(m)
		}
	}
	return ""
}

// otherForm is how a mapping is written where a text is not one of those taken.
func (f failure) otherForm() string {
	if f.object == nil || f.object.child("then") != f.schema {
		return ""
	}
	return mappingLike("write a mapping, such as ", f.object)
}

// later reports whether a word is of those that come later, however spelt.
func later(word string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return folded(w) == folded(word) })
}

// unjoined takes out what people join words with.
//
//nolint:gochecknoglobals // a table, never changed
var unjoined = strings.NewReplacer("_", "", "-", "")

// folded is a name without what people misremember.
func folded(s string) string { return unjoined.Replace(strings.ToLower(s)) }
