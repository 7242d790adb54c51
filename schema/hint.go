package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// inQuotes is what to do about a number that was meant as text.
const inQuotes = "put it in quotes"

// typeHint says what to do about a value of the wrong type.
func (d *document) typeHint(f failure) string {
	hint := ""
	switch v := f.value.(type) {
	case string:
		hint = unquoted(v, f.schema)
	case map[string]any:
		if d.resolve(f.schema.child("items")).takes("object") {
			hint = "begin each item with a dash"
		}
	case []any:
		if f.schema.takes("object") && !f.schema.takes("array") {
			hint = "write keys without dashes before them" + mappingLike(", such as ", f.schema)
		}
	case json.Number, float64:
		if hint = f.schema.text("x-number"); hint == "" {
			hint = d.quoted(got(v), fmt.Sprint(v), f.schema)
		}
	default:
		hint = d.quoted(got(v), fmt.Sprint(v), f.schema)
	}
	switch {
	case hint != "":
		return hint
	case fits(f.value, d.resolve(f.schema.child("items"))):
		if s, ok := f.value.(string); ok {
			return "make it a list: " + flow(parts(s))
		}
		return fmt.Sprintf("make it a list: [%s]", flow(f.value))
	case f.schema.takes("boolean"), d.asText(f.schema).list("enum") != nil:
		return "" // all that there is has been said
	}
	return suchAs(f)
}

// fits reports whether a value has a type that a schema takes.
func fits(v any, n *node) bool {
	if typeOf(v) == "number" {
		return n.takes("number", "integer")
	}
	return n.takes(typeOf(v))
}

// unquoted is about a text where a number or a truth should be.
func unquoted(s string, n *node) string {
	if n.takes("integer", "number") {
		if isNumber(s) {
			return "remove the quotes: " + s
		}
		if bare := strings.Trim(s, ":% "); bare != s && isNumber(bare) {
			return fmt.Sprintf("did you mean %s?", bare)
		}
	}
	return truth(s, n)
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// truth is about the words and numbers that stand for a truth elsewhere.
func truth(s string, n *node) string {
	if !n.takes("boolean") {
		return ""
	}
	switch strings.ToLower(s) {
	case "true", "yes", "on", "y", "1":
		return "use true"
	case "false", "no", "off", "n", "0":
		return "use false"
	}
	return ""
}

// quoted is about a number or a truth where a text should be.
func (d *document) quoted(kind, s string, n *node) string {
	if !n.takes("string") {
		return truth(s, n)
	}
	text := d.asText(n)
	values := text.words("enum")
	if kind == "false" && later("off", values) {
		return `write "off", with quotes` // YAML 1.1 reads off as false
	}
	if len(values) > 0 {
		return ""
	}
	pattern := regexp.MustCompile(text.text("pattern"))
	if pattern.MatchString(s) {
		return inQuotes
	}
	if seconds := s + "s"; pattern.MatchString(seconds) {
		return fmt.Sprintf("did you mean %s?", seconds)
	}
	return ""
}

// suchAs shows the first example that is not longer than a hint may be.
func suchAs(f failure) string {
	for _, example := range f.schema.list("examples") {
		if s := flow(example); len(s) <= 60 {
			return "such as " + s
		}
	}
	return ""
}

// units are how people write those of durations.
//
//nolint:gochecknoglobals // a table, never changed
var units = strings.NewReplacer(
	"seconds", "s", "second", "s", "secs", "s", "sec", "s",
	"minutes", "m", "minute", "m", "mins", "m", "min", "m",
	"hours", "h", "hour", "h",
)

// guess finds a text that was probably meant by one that does not match. A
// schema that is only one condition of several leads to no good guess.
func guess(s string, n *node) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 100 || !n.takes("string") {
		return "", false
	}
	pattern := regexp.MustCompile(n.text("pattern"))
	for _, try := range variants(s) {
		if pattern.MatchString(try) {
			return try, true
		}
	}
	return "", false
}

// variants are the ways to write a text that people mix up, the least changed
// first. None is empty.
func variants(s string) []string {
	_, host, isURL := strings.Cut(s, "://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	withoutPort, _, _ := strings.Cut(s, ":")
	dashes, joined := strings.ReplaceAll(s, " ", "-"), strings.ReplaceAll(s, " ", "")
	tries := []string{s, dashes, joined, strings.ToLower(dashes), strings.ToUpper(s), units.Replace(strings.ToLower(joined))}
	if !isURL && !strings.HasPrefix(s, "^") {
		tries = append(tries, "/"+s)
	}
	if isNumber(s) {
		tries = append(tries, s+"s")
	}
	if n, err := strconv.Atoi(strings.TrimRight(s, "days ")); err == nil && n < 1000 && strings.ContainsRune(s, 'd') {
		tries = append(tries, fmt.Sprintf("%dh", 24*n))
	}
	if bare := strings.Trim(s, "“”„‘’"); bare != s {
		tries = append(tries, bare)
	}
	if strings.HasPrefix(s, ".") {
		tries = append(tries, "*"+s)
	}
	if isURL {
		tries = append(tries, host)
	} else {
		tries = append(tries, "http://"+s, withoutPort)
	}
	return slices.DeleteFunc(tries, func(s string) bool { return s == "" })
}
