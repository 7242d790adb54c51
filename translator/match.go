package translator

import (
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"dragoman/model"
)

func match(at scope, m model.Match) *routev3.RouteMatch {
	out := pathMatch(at, m.Path)
	if len(m.Methods) > 0 {
		out.Headers = append(out.Headers, methodMatch(at, m.Methods))
	}
	for _, v := range m.Headers {
		out.Headers = append(out.Headers, headerMatch(at, v))
	}
	for _, v := range m.Query {
		if v.Not {
			out.Headers = append(out.Headers, withoutParameter(at, v)...)
			continue
		}
		out.QueryParameters = append(out.QueryParameters, parameterMatch(at, v))
	}
	return out
}

// pathMatch takes whole segments for a prefix. Envoy's separated prefix does so
// but takes none that ends in a slash; there a plain prefix means the same.
func pathMatch(at scope, p model.PathMatch) *routev3.RouteMatch {
	out := new(routev3.RouteMatch)
	switch p.Kind {
	case model.PathExact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: p.Value}
	case model.PathPrefix:
		if strings.HasSuffix(p.Value, "/") {
			out.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: p.Value}
		} else {
			out.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: p.Value}
		}
	case model.PathRegex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(at, p.Value)}
	default:
		panic(unknown("path match", p.Kind))
	}
	return out
}

func methodMatch(at scope, methods []string) *routev3.HeaderMatcher {
	pattern := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: methods[0]}}
	if len(methods) > 1 {
		pattern.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(at, anyOf(methods))}
	}
	return &routev3.HeaderMatcher{
		Name:                 ":method",
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: pattern},
	}
}

// headerMatch takes a header that is not there as empty when it is told what
// the header must not be. Envoy's own rule is that a missing header never
// matches, not even the inverse.
func headerMatch(at scope, v model.ValueMatch) *routev3.HeaderMatcher {
	out := &routev3.HeaderMatcher{Name: v.Name, InvertMatch: v.Not}
	if v.Kind == model.ValuePresent {
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}
		return out
	}
	out.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: valueMatch(at, v)}
	out.TreatMissingHeaderAsEmpty = v.Not
	return out
}

func parameterMatch(at scope, v model.ValueMatch) *routev3.QueryParameterMatcher {
	out := &routev3.QueryParameterMatcher{Name: v.Name}
	if v.Kind == model.ValuePresent {
		out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_PresentMatch{PresentMatch: true}
		return out
	}
	out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_StringMatch{StringMatch: valueMatch(at, v)}
	return out
}

func valueMatch(at scope, v model.ValueMatch) *matcherv3.StringMatcher {
	out := &matcherv3.StringMatcher{IgnoreCase: v.IgnoreCase}
	switch v.Kind {
	case model.ValueExact:
		out.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: v.Value}
	case model.ValuePrefix:
		out.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: v.Value}
	case model.ValueSuffix:
		out.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: v.Value}
	case model.ValueContains:
		out.MatchPattern = &matcherv3.StringMatcher_Contains{Contains: v.Value}
	case model.ValueRegex:
		// Envoy ignores ignore_case here, without a word.
		out.IgnoreCase = false
		out.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(at, caseless(v.Value, v.IgnoreCase))}
	case model.ValuePresent:
		panic("translator: presence has no value to match")
	default:
		panic(unknown("value match", v.Kind))
	}
	return out
}
