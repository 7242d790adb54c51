package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Write keeps these files and no others. When it fails, what was kept before
// is kept still.
func (d *Dir) Write(files []File) error {
	if err := d.make(); err != nil {
		return err
	}
	ix := index{Dir: d.of, Files: make(map[string]string, len(files))}
	needed := make(map[string]bool, len(files))
	for _, f := range files {
		hash := hex.EncodeToString(f.Hash[:])
		ix.Files[f.Path], needed[hash] = hash, true
		if d.kept[hash] {
			continue
		}
		if err := d.replace(d.content(hash), f.Bytes()); err != nil {
			return err
		}
		d.kept[hash] = true
	}
	// The names must be on disk before an index that speaks of them.
	if err := syncDir(d.contents()); err != nil {
		return err
	}
	body, err := json.Marshal(ix)
	if err != nil {
		return err
	}
	head := fmt.Sprintf("dragoman state %d %s\n", format, sum(body))
	if err := d.replace(d.index(), append([]byte(head), body...)); err != nil {
		return err
	}
	if err := syncDir(d.path); err != nil {
		return err
	}
	return d.sweep(needed)
}

// make makes the directories, which nobody else may read: there may be
// passwords in a configuration. Whoever made one before has decided that.
func (d *Dir) make() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	err := os.Mkdir(d.contents(), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	clear(d.kept) // It is new, or somebody took the old one away.
	return err
}

// sweep removes contents that nobody needs, and what a crash left behind. It
// leaves alone what cannot be ours: people give the strangest directories.
func (d *Dir) sweep(needed map[string]bool) error {
	entries, err := os.ReadDir(d.contents())
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if needed[name] || !ours(name) {
			continue
		}
		delete(d.kept, name)
		if err := os.Remove(d.content(name)); err != nil {
			return err
		}
	}
	return nil
}

// temporary begins the names of files that are being written.
const temporary = ".dragoman-"

func ours(name string) bool {
	hash, err := hex.DecodeString(name)
	return strings.HasPrefix(name, temporary) || err == nil && len(hash) == sha256.Size
}

// replace puts a file in place, whole and on disk, or leaves what was there.
func (d *Dir) replace(path string, data []byte) error {
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
