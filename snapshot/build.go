package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"

	"dragoman/model"
	"dragoman/parallel"
	"dragoman/table"
	"dragoman/translator"
)

// Build makes a versioned snapshot. It refuses names that are empty or there
// twice in one type, since a snapshot cannot hold them, and what cannot be
// marshalled.
//
// Every type gets a version even when it is empty: Envoy would wait 15 s for a
// type whose version is the empty string.
func Build(r translator.Resources) (*Snapshot, error) {
	t, err := Tables(r)
	if err != nil {
		return nil, err
	}
	return new(Builder).Build(t)
}

// A Builder builds one snapshot after another, each of the last one and of the
// messages that are not the same: those are packed, examined and checked, and
// all else is shared.
type Builder struct {
	last   *Snapshot // nil before the first
	from   translator.Translation
	users  map[Ref]int      // how many resources of the last one need a resource, if any do
	faulty map[Ref][]string // what is wrong with resources of the last one by themselves

	examiner *examiner
}

// An edit is what became of a message.
type edit struct {
	table.Change[*Resource]

	faults []string // of the new one by itself
}

// edits are by type URL, those of a type in the order of their names.
type edits map[string][]edit

// needs counts what all of them need.
func (all edits) needs() int {
	n := 0
	for _, changed := range all {
		for _, c := range changed {
			n += len(needs(c.New))
		}
	}
	return n
}

// messages are those that are not the ones of the last time, in the same order.
type messages map[string][]table.Change[*translator.Message]

// drop drops the bodies of what has been packed: the resource says the same.
func (all messages) drop() {
	for _, changes := range all {
		for _, c := range changes {
			if c.New != nil {
				c.New.Body = nil
			}
		}
	}
}

// Build makes a snapshot as the function of that name does. One that it refuses
// leaves no trace; messages of others have no bodies any more.
func (b *Builder) Build(t translator.Translation) (*Snapshot, error) {
	if b.last == nil {
		b.last = &Snapshot{sets: map[string]*Set{}, views: &views{}}
		b.last.sound.Store(true) // nothing is wrong with nothing
		b.users, b.faulty, b.examiner = map[Ref]int{}, map[Ref][]string{}, newExaminer()
	}
	found, all := messages{}, edits{}
	for _, typeURL := range Types() {
		var err error
		found[typeURL] = table.Changes(b.from.Tables[typeURL], t.Tables[typeURL])
		if all[typeURL], err = b.examiner.edits(typeURL, b.last.All(typeURL), found[typeURL]); err != nil {
			return nil, err
		}
	}
	s, err := b.snapshot(t, found[resourcev3.ListenerType], all)
	if err != nil {
		return nil, err
	}
	if len(b.users) == 0 {
		b.users = make(map[Ref]int, all.needs())
	}
	for _, typeURL := range Types() {
		for _, c := range all[typeURL] {
			b.count(typeURL, c)
		}
	}
	for ref, msgs := range b.faulty {
		for _, msg := range msgs {
			s.faults = append(s.faults, Fault{ref.Type, ref.Name, msg})
		}
	}
	s.sound.Store(b.staysSound(s, all))
	found.drop()
	b.last, b.from = s, t
	return s, nil
}

// snapshot makes a snapshot of the last one and what is different.
func (b *Builder) snapshot(t translator.Translation, listeners []table.Change[*translator.Message], all edits) (*Snapshot, error) {
	s := &Snapshot{
		Versions: map[string]string{},
		Counts:   map[string]int{},
		sets:     map[string]*Set{},
		groups:   t.Groups,
		placing:  b.last.placing,
		views:    b.last.succeed(),
	}
	if s.placing == nil || len(all[resourcev3.ListenerType]) > 0 || !sameGroups(s.groupsOf, t.GroupsOf) {
		s.placing = b.last.place(listeners, t.GroupsOf)
	}
	whole := sha256.New()
	for _, typeURL := range Types() {
		changes := make([]table.Change[*Resource], len(all[typeURL]))
		for i, c := range all[typeURL] {
			changes[i] = c.Change
		}
		set := b.last.All(typeURL).With(changes...)
		s.sets[typeURL] = set
		s.Versions[typeURL] = set.Version()
		if n := set.Len(); n > 0 {
			s.Counts[typeURL] = n
		}
		whole.Write([]byte(typeURL + " " + set.Version() + "\n"))
	}
	if err := writeGroups(whole, t.Groups, s.groupsOf); err != nil {
		return nil, err
	}
	s.Version = short(whole.Sum(nil))
	return s, nil
}

// sameGroups tells whether two choices are one. None is not the same as one
// in which every listener is for everybody.
func sameGroups(a, b map[string][]string) bool {
	return (a == nil) == (b == nil) && maps.EqualFunc(a, b, slices.Equal)
}

// place finds out which listeners are where, and for whom, once some are not
// what they were.
func (s *Snapshot) place(listeners []table.Change[*translator.Message], groupsOf map[string][]string) *placing {
	p := &placing{places: map[string][]string{}, groupsOf: groupsOf, listened: map[string]bool{}}
	if s.placing != nil {
		maps.Copy(p.places, s.places)
	}
	for _, c := range listeners {
		if delete(p.places, c.Key()); c.New != nil {
			p.places[c.Key()] = placesOf(c.New.Body.(*listenerv3.Listener))
		}
	}
	for _, groups := range groupsOf {
		for _, g := range groups {
			p.listened[g] = true
		}
	}
	return p
}

// writeGroups makes who gets what a part of the version: it decides what Envoys
// are sent as much as the resources do.
func writeGroups(w io.Writer, groups []*model.Group, groupsOf map[string][]string) error {
	for _, g := range groups {
		match, err := json.Marshal(g.Match) // maps in the order of their keys
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		fmt.Fprintf(w, "group %s %s\n", g.Name, match)
	}
	for _, listener := range slices.Sorted(maps.Keys(groupsOf)) {
		fmt.Fprintf(w, "listener %s %s\n", listener, groupsOf[listener])
	}
	return nil
}

// edits packs the messages of one type that are not those of the last time, many
// at once. What has the same content all the same is no edit.
func (e *examiner) edits(typeURL string, last *Set, in []table.Change[*translator.Message]) ([]edit, error) {
	packed, errs := make([]edit, len(in)), make([]error, len(in))
	parallel.Each(len(in), func(i int) { packed[i], errs[i] = e.edit(typeURL, last, in[i]) })
	out := packed[:0]
	for i, c := range packed {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if c.New != c.Old {
			out = append(out, c)
		}
	}
	return out, nil
}

func (e *examiner) edit(typeURL string, last *Set, m table.Change[*translator.Message]) (edit, error) {
	c := edit{Change: table.Change[*Resource]{Old: last.Get(m.Key())}}
	if m.New == nil {
		return c, nil
	}
	var err error
	if c.New, c.faults, err = e.pack(typeURL, m.New, c.Old); err != nil {
		return edit{}, Fault{Type: typeURL, Name: m.Key(), Msg: words(err)}
	}
	return c, nil
}

// noVersion is the room for a version.
const noVersion = "................"

// pack makes one resource, unless the old one has the same content. It is
// marshalled once, in a form that is the same for the same content, and its
// version is a hash of that: an Envoy that reconnects and says what it has is
// understood. What is wrong with it by itself is noted.
//
// All of it is written into one piece of memory, the version when it is known.
func (e *examiner) pack(typeURL string, m *translator.Message, old *Resource) (*Resource, []string, error) {
	options := proto.MarshalOptions{Deterministic: true}
	h := head(typeURL, m.Name, noVersion, options.Size(m.Body))
	options.UseCachedSize = true
	whole, err := options.MarshalAppend(h.bytes, m.Body)
	if err != nil {
		return nil, nil, err
	}
	body := whole[len(h.bytes):]
	if old != nil && bytes.Equal(body, old.Body.GetValue()) {
		return old, nil, nil
	}
	sum := sha256.Sum256(body)
	version := short(sum[:])
	copy(whole[h.sotw-shortHash:], version)
	found, out := e.examine(m.Body, body), h.resource(typeURL, m.Name, version, whole)
	out.Needs, out.OnDemand = found.refs, onDemand(m.Body)
	return out, found.faults, nil
}

// words is the text of an error of the protobuf library, which puts a space that
// does not break into some builds' texts to keep them from being relied upon.
func words(err error) string { return strings.ReplaceAll(err.Error(), "\u00a0", " ") }

// count takes account of an edit in what is known of the last snapshot.
func (b *Builder) count(typeURL string, c edit) {
	at := Ref{typeURL, c.Key()}
	if delete(b.faulty, at); len(c.faults) > 0 {
		b.faulty[at] = c.faults
	}
	less, more := unlike(needs(c.Old), needs(c.New))
	for _, need := range less {
		if b.users[need]--; b.users[need] == 0 {
			delete(b.users, need)
		}
	}
	for _, need := range more {
		b.users[need]++
	}
}

// needs are those of a resource, if there is one.
func needs(r *Resource) []Ref {
	if r == nil {
		return nil
	}
	return r.Needs
}

// unlike returns what only the one, and what only the other list of references
// has. Both are sorted, and nobody may change what is returned.
func unlike(a, b []Ref) (less, more []Ref) {
	if len(a) == 0 || len(b) == 0 {
		return a, b
	}
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		case a[0] != b[0]:
			order = compareRefs(a[0], b[0])
		}
		if order < 0 {
			less = append(less, a[0])
		} else if order > 0 {
			more = append(more, b[0])
		}
		if order <= 0 {
			a = a[1:]
		}
		if order >= 0 {
			b = b[1:]
		}
	}
	return less, more
}

// staysSound tells whether a snapshot is known to have no fault since the last
// one had none: then a fault would be in what has changed, or in what used it.
// It asks what Check does, which finds the words where this finds anything.
func (b *Builder) staysSound(s *Snapshot, all edits) bool {
	if !b.last.sound.Load() || len(s.faults) > 0 {
		return false
	}
	for _, typeURL := range Types() {
		for _, c := range all[typeURL] {
			if !b.fits(s, typeURL, c) {
				return false
			}
		}
	}
	return s.placing == b.last.placing || len(s.addresses()) == 0
}

// fits tells whether a changed resource breaks nothing: what it needs anew is
// there, nobody needs it if it is gone, and no routes are left over.
func (b *Builder) fits(s *Snapshot, typeURL string, c edit) bool {
	at := Ref{typeURL, c.Key()}
	if c.New == nil && b.users[at] > 0 || c.New != nil && b.unused(at) {
		return false
	}
	less, more := unlike(needs(c.Old), needs(c.New))
	return !slices.ContainsFunc(less, func(r Ref) bool { return s.has(r) && b.unused(r) }) &&
		!slices.ContainsFunc(more, func(r Ref) bool { return !s.has(r) })
}

// unused tells whether nobody needs a resource of a type that is of no use
// without.
func (b *Builder) unused(r Ref) bool { return r.Type == resourcev3.RouteType && b.users[r] == 0 }

func (s *Snapshot) has(r Ref) bool { return s.All(r.Type).Get(r.Name) != nil }
