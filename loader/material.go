package loader

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/table"
)

// A named file is one that documents name, such as a certificate, as it was
// last seen.
type named struct {
	hash    [sha256.Size]byte
	data    []byte
	gone    bool
	problem *diag.Problem // in the way of reading it
}

// A pair is the files of a certificate; without a key, of authorities.
type pair struct{ cert, key string }

func (p pair) files() []string {
	if p.key == "" {
		return []string{p.cert}
	}
	return []string{p.cert, p.key}
}

// A material is what the files of one pair amount to. As with files of
// configuration, what is wrong with the newest content does not end what
// serves.
type material struct {
	pair   pair
	good   *content  // that serves; nil if none does
	active *content  // that is to serve; nil if there is none
	flaw   *flaw     // of the newest content; nil while it is waited for
	since  time.Time // when it was first found wrong beside a good one; zero when it is not

	// What was read last, and of which contents.
	cert, key *named
	parsed    *content
	wrong     *flaw
}

// The times by which certificates are judged.
const (
	// Two files are not replaced at once. A pair that is wrong beside a good one
	// counts as such after a while.
	pairGrace = time.Second
	endsSoon  = 14 * 24 * time.Hour
)

// Take makes sources the newest contents of their files without looking at
// what they amount to; Apply does. In between there are the files to read that
// they name.
func (l *Loader) Take(changes []Source) {
	parsed := l.parseAll(changes)
	for i, s := range changes {
		l.take(s, parsed[i])
	}
}

// Named returns the files that documents name, sorted: from the configuration
// root and with slashes, or absolute.
func (l *Loader) Named() []string {
	set := map[string]bool{}
	for p := range l.wanted() {
		for _, name := range p.files() {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// wanted are the pairs that the documents of any content name that serves or
// may serve.
func (l *Loader) wanted() map[pair]bool {
	out := map[pair]bool{}
	for path := range l.secured {
		v := l.files[path]
		for _, f := range []*file{v.newest, v.good} {
			if f == nil {
				continue
			}
			for _, d := range f.secured {
				for _, p := range d.listener.tls.materials() {
					out[p] = true
				}
			}
		}
	}
	return out
}

// takeNamed makes a source the content of a named file.
func (l *Loader) takeNamed(s Source) {
	l.named[s.Path] = &named{hash: sha256.Sum256(s.Data), data: s.Data, gone: s.Gone, problem: s.Problem}
}

// judge says of all materials what of them is to serve, and forgets those that
// nobody names.
func (l *Loader) judge(now time.Time) {
	wanted := l.wanted()
	before := len(l.materials)
	maps.DeleteFunc(l.materials, func(p pair, _ *material) bool { return !wanted[p] })
	l.moved = l.moved || len(l.materials) < before
	files := map[string]bool{}
	l.due = time.Time{}
	for p := range wanted {
		m := l.materials[p]
		if m == nil {
			m = &material{pair: p}
			l.materials[p] = m
		}
		m.read(l.named)
		m.judge(now, l.restoring)
		l.due = earlier(l.due, m.due(now))
		for _, name := range p.files() {
			files[name] = true
		}
	}
	maps.DeleteFunc(l.named, func(name string, _ *named) bool { return !files[name] })
}

// Due is when time alone changes what is right: a certificate ends, or a pair
// that does not fit has been waited for. Apply is then to be called, with what
// has changed, or nothing. It is zero for never.
func (l *Loader) Due() time.Time { return l.due }

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// read parses the files if they are not those that were parsed last.
func (m *material) read(files map[string]*named) {
	cert, key := files[m.pair.cert], files[m.pair.key]
	if m.cert != nil && cert == m.cert && key == m.key {
		return
	}
	m.cert, m.key = cert, key
	m.parsed, m.wrong = nil, missing(m.pair.cert, cert, false)
	if m.wrong == nil && m.pair.key != "" {
		m.wrong = missing(m.pair.key, key, true)
	}
	switch {
	case m.wrong != nil:
	case m.pair.key == "":
		m.parsed, m.wrong = parseAuthorities(cert.data)
	default:
		m.parsed, m.wrong = parsePair(cert.data, key.data)
	}
	if m.parsed != nil && m.parsed.same(m.good) {
		m.parsed = m.good
	}
}

// missing is what is wrong with a file that is not there, or cannot be read.
func missing(name string, n *named, inKey bool) *flaw {
	switch {
	case n != nil && n.problem != nil:
		return &flaw{diag.NamedFile, inKey, ": " + n.problem.Msg, n.problem.Hint}
	case n != nil && !n.gone:
		return nil
	case external(name):
		return &flaw{diag.NamedFile, inKey, " does not exist", "put it there"}
	}
	return &flaw{diag.NamedFile, inKey, " does not exist", "put it there; names are relative to the directory of the file that has them"}
}

// judge decides what is to serve. What serves goes on after its end: nobody is
// better off without it.
func (m *material) judge(now time.Time, restoring bool) {
	found := m.wrong
	if found == nil && !restoring {
		found = m.parsed.outOfDate(now)
	}
	m.active, m.flaw = m.parsed, found
	if found == nil || m.parsed != nil && m.parsed == m.good {
		m.since = time.Time{}
		return
	}
	m.active = m.good
	if m.good == nil {
		return // there is nothing to serve meanwhile
	}
	if m.since.IsZero() {
		m.since = now
	}
	if now.Sub(m.since) < pairGrace {
		m.flaw = nil
	}
}

func (c *content) outOfDate(now time.Time) *flaw {
	switch {
	case now.Before(c.from):
		return &flaw{diag.OutOfDate, false, " is not good before " + day(c.from), "wait, or use another one until then; and look at this machine's clock"}
	case !now.Before(c.to):
		return &flaw{diag.OutOfDate, false, " ended " + day(c.to), "replace it"}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// due is when the judgement may be another one.
func (m *material) due(now time.Time) time.Time {
	var out time.Time
	note := func(t time.Time) {
		if t.After(now) {
			out = earlier(out, t)
		}
	}
	if !m.since.IsZero() {
		note(m.since.Add(pairGrace))
	}
	for _, c := range []*content{m.parsed, m.active} {
		if c != nil {
			note(c.from)
			note(c.to.Add(-endsSoon))
			note(c.to)
		}
	}
	return out
}

// renewed says whether other certificates are to serve than do.
func (l *Loader) renewed() bool {
	for _, m := range l.materials {
		if m.active != m.good {
			return true
		}
	}
	return false
}

// certificates refuses a listener that would have none of its files.
func (k *linker) certificates(d *document) {
	for name, m := range d.tlsFiles(k.materials) {
		if m.active == nil {
			c := k.conflict(d, name.at, m.flaw.code, name.path+m.flaw.msg, m.flaw.hint)
			c.problem.Field = name.field
		}
	}
}

// doubts is what is wrong with certificates although others serve, or these
// nevertheless, and what soon will be.
func (k *linker) doubts(now time.Time) diag.Problems {
	var out diag.Problems
	for d := range k.scope.listeners.all() {
		for name, m := range d.tlsFiles(k.materials) {
			p := d.file.at(name.at, diag.EndsSoon, "", "")
			p.Field = name.field
			switch c := m.active; {
			case m.flaw != nil && m.active == m.parsed:
				p.Code, p.Msg, p.Hint = m.flaw.code, name.path+m.flaw.msg+"; it goes on serving", m.flaw.hint
			case m.flaw != nil:
				p.Code, p.Msg, p.Hint = m.flaw.code, name.path+m.flaw.msg+"; the one before it goes on serving", m.flaw.hint
			case !now.Before(c.to.Add(-endsSoon)):
				p.Severity, p.Msg, p.Hint = diag.Warning, fmt.Sprintf("%s ends %s", name.path, day(c.to)), "replace it before"
			case c.nameless && m.pair.key != "":
				p.Severity, p.Code = diag.Warning, diag.NoServerName
				p.Msg, p.Hint = name.path+" has no name of a server in it", "issue it with subject alternative names: no client goes by the common name any more"
			default:
				continue
			}
			out = append(out, p)
		}
	}
	return out
}

// tlsFiles yields what a listener's files amount to, with the name of the one
// that there is something to say about.
func (d *document) tlsFiles(all map[pair]*material) func(func(fileName, *material) bool) {
	return func(yield func(fileName, *material) bool) {
		if d.listener.tls == nil {
			return
		}
		for _, c := range d.listener.tls.certificates {
			m, name := all[c.pair()], c.cert
			if m.flaw != nil && m.flaw.inKey {
				name = c.key
			}
			if !yield(name, m) {
				return
			}
		}
		if ca := d.listener.tls.clientCA; ca != nil {
			yield(*ca, all[pair{cert: ca.path}])
		}
	}
}

// model fills in the certificates that serve.
func (l *listener) withCertificates(all map[pair]*material) *model.Listener {
	if l.tls == nil {
		return l.model
	}
	out, tls := *l.model, *l.model.TLS
	out.TLS = &tls
	for _, c := range l.tls.certificates {
		has := all[c.pair()].active
		tls.Certificates = append(tls.Certificates, model.Certificate{
			Secret:  out.Name + "/cert/" + c.cert.text,
			Chain:   has.chain,
			Key:     has.key,
			Sources: model.CertificateFiles{Cert: c.cert.path, Key: c.key.path},
		})
	}
	if ca := l.tls.clientCA; ca != nil {
		tls.ClientCA = &model.Authorities{Secret: out.Name + "/ca/" + ca.text, Bundle: all[pair{cert: ca.path}].active.chain, Source: ca.path}
	}
	return &out
}

// heldMaterials adds the files whose newest certificates are not served.
func (l *Loader) heldMaterials(set *settled, held []string) []string {
	for path := range l.secured {
		f := set.contents.of(path)
		if f == nil {
			continue
		}
		for _, d := range f.secured {
			for _, p := range d.listener.tls.materials() {
				if m := l.materials[p]; m.flaw != nil && m.active != m.parsed && !slices.Contains(held, path) {
					held = append(held, path)
				}
			}
		}
	}
	slices.Sort(held)
	return held
}

// keepNamed brings what serves of the files that documents name up to date, if
// it has moved.
func (l *Loader) keepNamed() {
	if !l.moved {
		return
	}
	l.moved = false
	var all []Content
	for _, m := range l.materials {
		if m.good != nil {
			all = append(all, m.contents()...)
		}
	}
	named := table.Of(all...)
	l.good, l.kept = l.good.With(table.Changes(l.kept, named)...), named
}

// contents are what serves of the material's files.
func (m *material) contents() []Content {
	var out []Content
	for i, path := range m.pair.files() {
		text := [][]byte{m.good.chain, m.good.key}[i]
		out = append(out, Content{&file{path: path, hash: sha256.Sum256(text), text: string(text)}})
	}
	return out
}
