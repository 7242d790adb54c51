// Package state keeps the content that serves of each file over restarts, in
// a directory of its own. What it reads back is whole or not there: every file
// is checked against its hash, and what is truncated, corrupted or somebody
// else's is left out. It refuses to know what the contents mean, to decide
// when they are worth keeping, and to let anything wait for a slow disk.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dragoman/table"
)

// A File is one file's content. Its key is its path, relative to the
// configuration root or absolute. Bytes are asked for only if they are not
// kept yet.
type File interface {
	table.Row
	Hash() [sha256.Size]byte
	Bytes() []byte
}

// A Dir is a state directory: contents/, named by their hashes, and an index
// that says which file has which. The index changes last, so that at any
// moment it names what belongs together. It is for one goroutine.
type Dir[F File] struct {
	path string
	of   string         // the configuration directory, absolute
	kept map[string]int // hashes of the contents that are known to be there, and how many files have each

	written table.Table[F] // what the index says
	journal journal
}

// Open returns the state at path of a configuration directory, which is
// absolute. It touches neither.
func Open[F File](path, of string) *Dir[F] {
	return &Dir[F]{path: path, of: of, kept: map[string]int{}}
}

func (d *Dir[F]) index() string              { return filepath.Join(d.path, "index") }
func (d *Dir[F]) contents() string           { return filepath.Join(d.path, "contents") }
func (d *Dir[F]) content(hash string) string { return filepath.Join(d.contents(), hash) }

// Read returns the contents by path. An error says what cannot be had; what
// comes with it is good. Nothing at all was kept when both are nil.
func (d *Dir[F]) Read() (map[string][]byte, error) {
	files, err := readIndex(d.index(), d.of)
	if files == nil {
		return nil, err
	}
	out := map[string][]byte{}
	errs := []error{err}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		hash := files[path]
		data, err := os.ReadFile(d.content(hash))
		if err == nil && sum(data) != hash {
			err = errors.New("it is not what was written")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the content of %s: %w", path, err))
			continue
		}
		d.kept[hash] = 0
		out[path] = data
	}
	return out, errors.Join(errs...)
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// hashOf is the name of a content.
func hashOf[F File](f F) string {
	h := f.Hash()
	return hex.EncodeToString(h[:])
}
