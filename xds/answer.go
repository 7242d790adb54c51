package xds

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Bounds of what a client can put into the log by one message, in bytes. An
// Envoy's words can have the whole of a resource in them.
const (
	maxName  = 256
	maxWords = 4096
)

// maxWarnings bounds the refusals of one version that are warned of. One that
// is looked for resource by resource has some.
const maxWarnings = 16

// accept takes the answer to an open response, and gives the response; nil for
// a nonce that is not open, which answers nothing.
func (p *progress) accept(nonce string) *response {
	r := p.answered(nonce)
	if r == nil {
		return nil
	}
	for _, c := range r.changes {
		if p.inOpen(c.name) {
			put(&p.acked, c.name, c.res)
		} else {
			delete(p.acked, c.name)
		}
		if c.res != nil && p.suspects[c.name] == c.res.Version {
			delete(p.suspects, c.name)
		}
	}
	trim(&p.acked)
	return r
}

// answered takes a response off the open ones, and those before it, since
// answers come in the order of responses.
func (p *progress) answered(nonce string) *response {
	i := slices.IndexFunc(p.open, func(r *response) bool { return r.nonce == nonce })
	if i < 0 {
		return nil
	}
	r := p.open[i]
	p.open = slices.Delete(p.open, 0, i+1)
	return r
}

func (p *progress) inOpen(name string) bool {
	return slices.ContainsFunc(p.open, func(r *response) bool {
		return slices.ContainsFunc(r.changes, func(c change) bool { return c.name == name })
	})
}

// refuse takes the refusal of an open response. What is guilty is parked. If
// nobody knows what is, all that could be is tried one by one. Everything else
// is sent again, since a response may be refused whole for one resource in it.
func (p *progress) refuse(nonce, words string) (r *response, guilty []Refusal, unsure []string) {
	if r = p.answered(nonce); r == nil {
		return nil, nil, nil
	}
	versions := map[string]string{}
	for _, c := range r.changes {
		if c.res != nil && !same(c.res, p.taken(c.name)) {
			versions[c.name] = c.res.Version
		}
	}
	guilty, unsure = blame(p.typeURL, words, slices.Sorted(maps.Keys(versions)))
	for _, g := range guilty {
		put(&p.parked, g.Name, versions[g.Name])
		delete(p.suspects, g.Name)
	}
	for _, name := range unsure {
		put(&p.suspects, name, versions[name])
	}
	for _, c := range r.changes {
		if len(versions) > 0 && !p.refused(c.name) {
			p.repeat(c.name)
		}
	}
	if p.warnedOf != r.version {
		p.warnedOf, p.warned = r.version, 0
	}
	p.told = standing{r.version, true}
	return r, guilty, unsure
}

// repeat has a resource sent once more, if it is wanted.
func (p *progress) repeat(name string) {
	if _, ok := p.fresh[name]; !ok && p.wants(name, p.sent(name)) {
		put(&p.fresh, name, false)
	}
}

// warn is how a refusal is logged. A client that refuses without end does not
// fill the log.
func (p *progress) warn(log *slog.Logger) func(string, ...any) {
	p.warned++
	if p.warned > maxWarnings {
		return log.Debug
	}
	return log.Warn
}

// refusing are the resources of a goal that the client does not get because it
// has refused them, sorted.
func (p *progress) refusing(g goal) []string {
	var out []string
	for name := range p.refusals() {
		if g.set == nil || g.kept[name].res == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// giveUp waits no longer for any answer, and tells what was sent without one.
func (p *progress) giveUp() (names []string, waited bool) {
	for _, r := range p.open {
		if r.late {
			continue
		}
		r.late, waited = true, true
		for _, c := range r.changes {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), waited
}

// maxClipped is how many names a line of the log has at most.
const maxClipped = 20

// clipAll shortens a list of names.
func clipAll(names []string) []string {
	out := make([]string, 0, min(len(names), maxClipped+1))
	for i, name := range names {
		if i == maxClipped {
			return append(out, "…")
		}
		out = append(out, clip(name, maxName))
	}
	return out
}

// clip shortens what a client says to n bytes.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
