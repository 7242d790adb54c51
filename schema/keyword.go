package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The functions of the keywords that hold no schema but of one item or key.
// Each says yes to values of the types that it is not about.

func hasType(words []string) func(Value) bool {
	names := []string{Null: "null", Boolean: "boolean", Number: "number", String: "string", Array: "array", Object: "object"}
	var takes [Object + 1]bool
	for _, w := range words {
		if w == "integer" {
			w = "number" // Accepts has seen that all are whole
		}
		i := slices.Index(names, w)
		takes[i] = true
	}
	return func(v Value) bool { return takes[v.Type()] }
}

// isOneOf compares with texts, whole numbers and true and false. A fraction is
// none of those values that get here.
func isOneOf(values []any) func(Value) bool {
	texts, numbers, truths := map[string]bool{}, map[int64]bool{}, map[string]bool{}
	for _, v := range values {
		switch v := v.(type) {
		case string:
			texts[v] = true
		case bool:
			truths[strconv.FormatBool(v)] = true
		case json.Number:
			if n, err := v.Int64(); err == nil {
				numbers[n] = true
			}
		default:
			panic(fmt.Sprintf("schema: an enum with %T", v))
		}
	}
	return func(v Value) bool {
		switch v.Type() {
		case String:
			return texts[v.Text()]
		case Number:
			return numbers[integer(v)]
		case Boolean:
			return truths[v.Text()]
		case Null, Array, Object:
		}
		return false
	}
}

// integer is the value of a number that is known to be whole.
func integer(v Value) int64 {
	n, _ := strconv.ParseInt(v.Text(), 10, 64) // whole has seen it
	return n
}

func matches(pattern *regexp.Regexp) func(Value) bool {
	return func(v Value) bool { return v.Type() != String || pattern.MatchString(v.Text()) }
}

func limit(keyword string, at json.Number) func(Value) bool {
	n, err := at.Int64()
	if err != nil {
		panic(fmt.Sprintf("schema: the %s %s is not whole", keyword, at))
	}
	switch keyword {
	case "minimum":
		return func(v Value) bool { return v.Type() != Number || integer(v) >= n }
	case "maximum":
		return func(v Value) bool { return v.Type() != Number || integer(v) <= n }
	case "minLength":
		return func(v Value) bool { return v.Type() != String || int64(utf8.RuneCountInString(v.Text())) >= n }
	case "maxLength":
		return func(v Value) bool { return v.Type() != String || int64(utf8.RuneCountInString(v.Text())) <= n }
	case "minItems":
		return func(v Value) bool { return v.Type() != Array || int64(v.Len()) >= n }
	case "minProperties":
		return func(v Value) bool { return v.Type() != Object || int64(v.Len()) >= n }
	}
	panic("schema: no limit " + keyword)
}

func hasAll(keys []string) func(Value) bool {
	return func(v Value) bool {
		return v.Type() != Object || !slices.ContainsFunc(keys, func(key string) bool { return !has(v, key) })
	}
}

func has(v Value, key string) bool {
	return !eachField(v, func(k string, _ Value) bool { return k != key })
}

func eachItem(r *rule) func(Value) bool {
	return func(v Value) bool {
		if v.Type() != Array {
			return true
		}
		for i := range v.Len() {
			if !r.accepts(v.Item(i)) {
				return false
			}
		}
		return true
	}
}

func eachKey(r *rule) func(Value) bool {
	return func(v Value) bool {
		return eachField(v, func(key string, _ Value) bool { return r.accepts(word(key)) })
	}
}

// eachField says whether something holds for all fields of an object. It does
// for what is none.
func eachField(v Value, holds func(string, Value) bool) bool {
	if v.Type() != Object {
		return true
	}
	for i := range v.Len() {
		if !holds(v.Field(i)) {
			return false
		}
	}
	return true
}
