// Package access says who may speak to the xDS server: the certificates that
// both sides show, and the rules by which the certificate of an Envoy tells
// which nodes it may be. All of it is in files, which it reads again when they
// change, and of which it keeps the last good content.
//
// It opens no connection and knows nothing of xDS; what is refused is refused
// elsewhere.
package access

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// lookEvery is how often the files are read: new content, which must be there
// at two looks, is in use within a second. They are few and small, so that
// reading them costs less than the knowledge of all the ways to replace a file,
// and of the file systems that tell of none.
const lookEvery = 400 * time.Millisecond

// maxFile bounds what is read of one file.
const maxFile = 1 << 20

// A reading is what some files held at one look.
type reading struct {
	contents [][]byte
	err      error // of the first that could not be read
}

// same tells whether two looks saw the same.
func (r reading) same(o reading) bool {
	return fmt.Sprint(r.err) == fmt.Sprint(o.err) && slices.EqualFunc(r.contents, o.contents, bytes.Equal)
}

// look reads files.
func look(paths []string) reading {
	var r reading
	for _, path := range paths {
		content, err := read(path)
		if err != nil {
			return reading{err: err}
		}
		r.contents = append(r.contents, content)
	}
	return r
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // a pipe would be waited for without end
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return content, nil
}

// follow calls take when files hold something else than what was taken last,
// until ctx ends. Two looks must see the same: a certificate and its key are
// two files, and whoever replaces them is between the two for a moment.
func follow(ctx context.Context, paths []string, taken reading, take func(reading)) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for before := taken; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := look(paths)
		if now.same(before) && !now.same(taken) {
			taken = now
			take(now)
		}
		before = now
	}
}
