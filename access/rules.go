package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Rules say which nodes the owner of a certificate may be, as their file had it
// when it was last right.
type Rules struct {
	path  string
	log   *slog.Logger
	first reading

	current atomic.Pointer[[]rule]
}

// A rule lets an identity be some nodes.
type rule struct {
	identity        *regexp.Regexp
	nodes, clusters []*regexp.Regexp // none are all of them
	groups          []*regexp.Regexp // none are all of them
}

// A Claim is who a client says it is, and what it would be served for that.
type Claim struct {
	Node, Cluster string
	Groups        []string // that the node is in
	NoGroups      bool     // whether they are not known yet
}

// OpenRules reads a file of rules for the first time, when it must be right.
func OpenRules(path string, log *slog.Logger) (*Rules, error) {
	r := &Rules{path: path, log: log, first: look([]string{path})}
	rules, err := r.parse(r.first)
	if err != nil {
		return nil, err
	}
	r.current.Store(&rules)
	return r, nil
}

// Run reads the file again when it changes, until ctx ends.
func (r *Rules) Run(ctx context.Context) {
	follow(ctx, []string{r.path}, r.first, r.take)
}

func (r *Rules) take(now reading) {
	rules, err := r.parse(now)
	if err != nil {
		r.log.Error("rules not replaced, those from before are in use", slog.String("error", err.Error()))
		return
	}
	r.current.Store(&rules)
	r.log.Info("rules replaced", slog.String("file", r.path), slog.Int("rules", len(rules)))
}

func (r *Rules) parse(now reading) ([]rule, error) {
	if now.err != nil {
		return nil, fmt.Errorf("reading rules: %w", now.err)
	}
	return parseRules(r.path, now.contents[0])
}

// Check returns why the owner of a certificate may not be whom it says it is.
// One name of the certificate and one rule that let it are enough. The names
// that a client claims are not in the error, since they may be long.
func (r *Rules) Check(identity []string, c Claim) error {
	if len(identity) == 0 {
		return errors.New("the certificate has neither a URI nor a DNS name")
	}
	known := false
	for _, rule := range *r.current.Load() {
		if !slices.ContainsFunc(identity, rule.identity.MatchString) {
			continue
		}
		known = true
		if rule.allows(c) {
			return nil
		}
	}
	if !known {
		return errors.New("no rule is for this certificate")
	}
	return errors.New("no rule lets this certificate be this node")
}

// allows tells whether a rule lets its identity be a node. Each group that the
// node is in must be one of the rule's: it would be served what is for it.
func (r rule) allows(c Claim) bool {
	if !matches(r.nodes, c.Node) || !matches(r.clusters, c.Cluster) {
		return false
	}
	if len(r.groups) > 0 && c.NoGroups {
		return false
	}
	return !slices.ContainsFunc(c.Groups, func(g string) bool { return !matches(r.groups, g) })
}

// matches tells whether any pattern takes a name, or there is none.
func matches(patterns []*regexp.Regexp, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

// identityPattern is for the names of certificates: of URIs, where one star is
// a part between slashes or some of it, and of DNS names, where it is between
// dots and case means nothing. Two stars are any number of parts.
func identityPattern(glob string) *regexp.Regexp {
	if strings.Contains(glob, ":") {
		return pattern("(?s)", glob, "[^/]*")
	}
	return pattern("(?si)", glob, "[^.:]*")
}

// namePattern is for the names of nodes and clusters, which have no parts.
func namePattern(glob string) *regexp.Regexp { return pattern("(?s)", glob, ".*") }

func pattern(flags, glob, star string) *regexp.Regexp {
	parts := strings.Split(glob, "**")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(regexp.QuoteMeta(part), `\*`, star)
	}
	return regexp.MustCompile(flags + "^" + strings.Join(parts, ".*") + "$")
}
