package translator

import (
	"fmt"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"dragoman/diag"
	"dragoman/model"
)

// withoutParameter holds when no query parameter of the name matches. Envoy
// cannot negate a query parameter, but it can negate a match of the whole path,
// in which the query still is.
func withoutParameter(at scope, v model.ValueMatch) []*routev3.HeaderMatcher {
	if v.Kind == model.ValueRegex {
		// An expression could run on into the next parameter.
		at.refuse(diag.NotYet, fmt.Sprintf("%s: a regular expression on query parameter %q cannot be negated", at.what, v.Name))
		return nil
	}
	if strings.Contains(v.Value, "&") {
		return nil // no value has one, so this always holds
	}
	return []*routev3.HeaderMatcher{{
		Name: ":path",
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{
			MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(at, parameterPattern(v))},
		}},
		InvertMatch: true,
	}}
}

// parameterPattern matches a path in whose query a parameter of the name
// matches.
func parameterPattern(v model.ValueMatch) string {
	value := regexp.QuoteMeta(v.Value)
	switch v.Kind {
	case model.ValuePresent:
		value = "(?:=[^&]*)?"
	case model.ValueExact:
		value = "=" + value
		if v.Value == "" {
			value = "=?" // a parameter may stand without a value
		}
	case model.ValuePrefix:
		value = "=" + value + "[^&]*"
	case model.ValueSuffix:
		value = "=[^&]*" + value
	case model.ValueContains:
		value = "=[^&]*" + value + "[^&]*"
	case model.ValueRegex:
		panic("translator: a negated expression")
	default:
		panic(unknown("value match", v.Kind))
	}
	before, after := `[^?]*\?(?:.*&)?`+regexp.QuoteMeta(v.Name), "(?:&.*)?"
	return before + caseless(value, v.IgnoreCase) + after
}
