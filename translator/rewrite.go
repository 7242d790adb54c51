package translator

import (
	"regexp"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"dragoman/model"
)

// A pathChange is what Envoy does with a path: one of the two, or nothing. The
// query stays either way.
type pathChange struct {
	prefix string
	regex  *matcherv3.RegexMatchAndSubstitute
}

func rewrite(at scope, p model.PathMatch, r model.PathRewrite) pathChange {
	switch r.Kind {
	case model.KeepPath:
		return pathChange{}
	case model.RewritePrefix:
		return prefixRewrite(at, p.Value, r.With)
	case model.RewritePath:
		return substitute(at, "^.*$", verbatim(r.With))
	case model.RewriteRegex:
		return substitute(at, r.Pattern, r.With)
	}
	panic(unknown("rewrite", r.Kind))
}

// prefixRewrite puts one prefix in the place of another. What follows a prefix
// begins with a slash, unless the prefix ends with one, and Envoy joins the two
// as they are. So the new prefix must end with a slash exactly if the old one
// does: /cart to / would give // for /cart/, and / to /new would give /newx.
func prefixRewrite(at scope, from, to string) pathChange {
	switch {
	case strings.HasSuffix(from, "/"):
		return pathChange{prefix: strings.TrimSuffix(to, "/") + "/"}
	case strings.HasSuffix(to, "/"):
		// The slashes that follow go with the prefix, for /cart has none.
		return substitute(at, "^"+regexp.QuoteMeta(from)+"/*", verbatim(to))
	}
	return pathChange{prefix: to}
}

func substitute(at scope, pattern, with string) pathChange {
	return pathChange{regex: &matcherv3.RegexMatchAndSubstitute{Pattern: regex(at, pattern), Substitution: with}}
}

// verbatim is a substitution without references to groups.
func verbatim(text string) string {
	return strings.ReplaceAll(text, `\`, `\\`)
}
