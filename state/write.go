package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"dragoman/table"
)

// Write keeps these files and no others. It costs what has changed since the
// last time. When it fails, what was kept before is kept still.
func (d *Dir[F]) Write(files table.Table[F]) (err error) {
	defer func() {
		if err != nil {
			d.journal = journal{} // Who knows what is there? The next time all is written.
		}
	}()
	if err := d.make(); err != nil {
		return err
	}
	var none F
	changes := slices.DeleteFunc(table.Changes(d.written, files), func(c table.Change[F]) bool {
		return c.Old != none && c.New != none && c.Old.Hash() == c.New.Hash() // read again
	})
	if err := d.store(changes); err != nil {
		return err
	}
	whole := d.journal.full() || !d.isThere()
	switch {
	case whole:
		err = d.list(files)
	case len(changes) > 0:
		err = d.add(changes)
	}
	if err != nil {
		return err
	}
	d.written = files
	spare := d.count(changes)
	if whole {
		return d.sweep()
	}
	return d.drop(spare)
}

// make makes the directories, which nobody else may read: there may be
// passwords in a configuration. Whoever made one before has decided that.
func (d *Dir[F]) make() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	err := os.Mkdir(d.contents(), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	*d = *Open[F](d.path, d.of) // It is new, or somebody took the old one away.
	return err
}

// store writes the contents that are not there yet.
func (d *Dir[F]) store(changes []table.Change[F]) error {
	var none F
	for _, c := range changes {
		if c.New == none {
			continue
		}
		hash := hashOf(c.New)
		if _, there := d.kept[hash]; there {
			continue
		}
		if err := d.replace(d.content(hash), c.New.Bytes()); err != nil {
			return err
		}
		d.kept[hash] = 0
	}
	// The names must be on disk before an index that speaks of them.
	return syncDir(d.contents())
}

// count counts who has which content, and returns those that nobody has any
// more.
func (d *Dir[F]) count(changes []table.Change[F]) []string {
	var none F
	for _, c := range changes {
		if c.New != none {
			d.kept[hashOf(c.New)]++
		}
	}
	var spare []string
	for _, c := range changes {
		if c.Old == none {
			continue
		}
		hash := hashOf(c.Old)
		if d.kept[hash]--; d.kept[hash] == 0 {
			spare = append(spare, hash)
		}
	}
	return spare
}

// isThere says that the index is the one that was written last.
func (d *Dir[F]) isThere() bool {
	info, err := os.Stat(d.index())
	return err == nil && d.journal.size > 0 && info.Size() == d.journal.size
}

// list makes an index of all files.
func (d *Dir[F]) list(files table.Table[F]) error {
	l := listing{Dir: d.of, Files: make(map[string]string, files.Len())}
	for f := range files.All() {
		l.Files[f.Key()] = hashOf(f)
	}
	data, journal, err := begin(l)
	if err != nil {
		return err
	}
	if err := d.replace(d.index(), data); err != nil {
		return err
	}
	d.journal = journal
	return syncDir(d.path)
}

// add writes what has changed behind the index that is there.
func (d *Dir[F]) add(changes []table.Change[F]) error {
	var none F
	changed := map[string]string{}
	for _, c := range changes {
		changed[c.Key()] = ""
		if c.New != none {
			changed[c.Key()] = hashOf(c.New)
		}
	}
	data, journal, err := d.journal.line(changed)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.index(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(d.journal.size))
	}
	d.journal = journal
	return errors.Join(err, f.Close())
}

// drop removes contents.
func (d *Dir[F]) drop(hashes []string) error {
	for _, hash := range hashes {
		delete(d.kept, hash)
		if err := os.Remove(d.content(hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sweep removes contents that nobody needs, and what a crash left behind. It
// leaves alone what cannot be ours: people give the strangest directories.
func (d *Dir[F]) sweep() error {
	entries, err := os.ReadDir(d.contents())
	if err != nil {
		return err
	}
	var spare []string
	for _, e := range entries {
		if d.kept[e.Name()] == 0 && ours(e.Name()) {
			spare = append(spare, e.Name())
		}
	}
	return d.drop(spare)
}

// temporary begins the names of files that are being written.
const temporary = ".dragoman-"

func ours(name string) bool {
	hash, err := hex.DecodeString(name)
	return strings.HasPrefix(name, temporary) || err == nil && len(hash) == sha256.Size
}

// replace puts a file in place, whole and on disk, or leaves what was there.
func (d *Dir[F]) replace(path string, data []byte) error {
	tmp, err := os.CreateTemp(d.contents(), temporary+"*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one to tell
	}
	return err
}

// syncDir makes renames in a directory last.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
