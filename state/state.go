// Package state keeps the content that serves of each file over restarts, in
// a directory of its own. What it reads back is whole or not there: every file
// is checked against its hash, and what is truncated, corrupted or somebody
// else's is left out. It refuses to know what the contents mean, to decide
// when they are worth keeping, and to let anything wait for a slow disk.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// format is the version of what is written. Another one is not read.
const format = 1

// A File is one file's content.
type File struct {
	Path  string // relative to the configuration root
	Hash  [sha256.Size]byte
	Bytes func() []byte // asked only for what is not kept yet
}

// A Dir is a state directory: contents/, named by their hashes, and an index
// that says which file has which. The index is replaced last, so that at any
// moment it names what belongs together. It is for one goroutine.
type Dir struct {
	path string
	of   string          // the configuration directory, absolute
	kept map[string]bool // hashes of the contents that are known to be there
}

// An index says what is kept. It stands in a file behind a line with the
// format and its own hash.
type index struct {
	Dir   string            `json:"dir"`   // whose files
	Files map[string]string `json:"files"` // path to hash
}

// Open returns the state at path of a configuration directory, which is
// absolute. It touches neither.
func Open(path, of string) *Dir {
	return &Dir{path: path, of: of, kept: map[string]bool{}}
}

func (d *Dir) index() string              { return filepath.Join(d.path, "index") }
func (d *Dir) contents() string           { return filepath.Join(d.path, "contents") }
func (d *Dir) content(hash string) string { return filepath.Join(d.contents(), hash) }

// Read returns the contents by path. An error says what cannot be had; what
// comes with it is good. Nothing at all was kept when both are nil.
func (d *Dir) Read() (map[string][]byte, error) {
	ix, err := d.readIndex()
	if err != nil || ix == nil {
		return nil, err
	}
	out := map[string][]byte{}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(ix.Files)) {
		hash := ix.Files[path]
		data, err := os.ReadFile(d.content(hash))
		if err == nil && sum(data) != hash {
			err = errors.New("it is not what was written")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the content of %s: %w", path, err))
			continue
		}
		d.kept[hash] = true
		out[path] = data
	}
	return out, errors.Join(errs...)
}

// readIndex returns nil when there is none.
func (d *Dir) readIndex() (*index, error) {
	data, err := os.ReadFile(d.index())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // nothing was kept, and nothing is wrong
	case err != nil:
		return nil, err
	}
	head, body, _ := bytes.Cut(data, []byte("\n"))
	var version int
	var hash string
	switch _, err := fmt.Sscanf(string(head), "dragoman state %d %s", &version, &hash); {
	case err == nil && version != format:
		return nil, fmt.Errorf("%s has format %d, not %d", d.index(), version, format)
	case err != nil || sum(body) != hash:
		return nil, fmt.Errorf("%s is not what was written", d.index())
	}
	var ix index
	if err := json.Unmarshal(body, &ix); err != nil {
		return nil, fmt.Errorf("%s: %w", d.index(), err)
	}
	if ix.Dir != d.of {
		return nil, fmt.Errorf("%s is about the directory %s, not %s", d.index(), ix.Dir, d.of)
	}
	return &ix, nil
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}
