package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"dragoman/diag"
)

// oddities finds what is no JSON value, and numbers that the validator panics
// at: https://github.com/santhosh-tekuri/jsonschema computes with exact
// fractions, which know neither infinities nor exponents of millions. The path
// is built in place: every valid document passes here.
func oddities(path []string, v any) []finding {
	switch v := v.(type) {
	case nil, bool, string, int, int64, uint64:
		return nil
	case json.Number:
		if !computable(v.String()) {
			return odd(path, diag.BadValue, fmt.Sprintf("the number %s is too large, too small or none", shorten(v.String())))
		}
		return nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return odd(path, diag.BadValue, "expected a finite number")
		}
		return nil
	case []any:
		var out []finding
		for i, item := range v {
			out = append(out, oddities(append(path, strconv.Itoa(i)), item)...)
		}
		return out
	case map[string]any:
		var out []finding
		for key, item := range v {
			out = append(out, oddities(append(path, key), item)...)
		}
		return out
	}
	return odd(path, diag.WrongType, "expected text, a number, true or false, a list or a mapping")
}

func odd(path []string, code diag.Code, msg string) []finding {
	return []finding{{Finding: Finding{Path: slices.Clone(path), Code: code, Msg: msg}}}
}

// computable reports whether a number is near enough to what a float64 holds.
func computable(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	return f != 0 || !strings.ContainsAny(mantissa, "123456789")
}
