package csds

import (
	"regexp"
	"slices"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// matching tells the nodes that any of the matchers takes, and all if there is
// none. What cannot be asked for is refused: an answer to less would be taken
// for one to all of it.
func matching(in []*matcherv3.NodeMatcher) (func(id string) bool, error) {
	var matches []func(string) bool
	for _, m := range in {
		if len(m.GetNodeMetadatas()) > 0 {
			return nil, status.Error(codes.Unimplemented, "node_matchers: node_metadatas is not supported, node_id is")
		}
		match, err := text(m.GetNodeId())
		if err != nil {
			return nil, err
		}
		matches = append(matches, match)
	}
	return func(id string) bool {
		return len(matches) == 0 || slices.ContainsFunc(matches, func(match func(string) bool) bool { return match(id) })
	}, nil
}

// text is a comparison of a text.
func text(m *matcherv3.StringMatcher) (func(string) bool, error) {
	form := func(s string) string { return s }
	if m.GetIgnoreCase() {
		form = strings.ToLower
	}
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return func(s string) bool { return form(s) == form(p.Exact) }, nil
	case *matcherv3.StringMatcher_Prefix:
		return func(s string) bool { return strings.HasPrefix(form(s), form(p.Prefix)) }, nil
	case *matcherv3.StringMatcher_Suffix:
		return func(s string) bool { return strings.HasSuffix(form(s), form(p.Suffix)) }, nil
	case *matcherv3.StringMatcher_Contains:
		return func(s string) bool { return strings.Contains(form(s), form(p.Contains)) }, nil
	case *matcherv3.StringMatcher_SafeRegex:
		return regex(p.SafeRegex.GetRegex())
	case nil:
		return nil, status.Error(codes.InvalidArgument, "node_matchers: node_id is missing, or says nothing")
	}
	return nil, status.Error(codes.Unimplemented, "node_matchers: this match_pattern of node_id is not supported")
}

// maxRegex bounds what has to be compiled for a stranger.
const maxRegex = 1000

// regex takes the whole text, whatever its case.
func regex(pattern string) (func(string) bool, error) {
	if len(pattern) > maxRegex {
		return nil, status.Errorf(codes.InvalidArgument, "node_matchers: the regex has more than %d bytes", maxRegex)
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "node_matchers: "+err.Error())
	}
	return re.MatchString, nil
}
