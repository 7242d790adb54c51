package loader

import (
	"io/fs"
	"os"
	"path"

	"dragoman/parallel"
)

// ahead is a file of a directory that was read before anybody asked: many are
// read on all cores.
type ahead struct {
	info os.FileInfo
	data []byte
	err  error // of one of the two
}

// readAhead reads the regular files among the entries of a directory that are
// configuration and were never read: what they hold will be kept. Whatever else
// there is waits until it is looked at.
func (s *scan) readAhead(dir string, entries []fs.DirEntry) {
	var names []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if known := s.dir.seen[name]; e.Type().IsRegular() && IsConfig(name) && (known == nil || known.info == nil) {
			names = append(names, name)
		}
	}
	read := make([]ahead, len(names))
	parallel.Each(len(names), func(i int) {
		r := &read[i]
		if r.info, r.err = s.root.Stat(names[i]); r.err == nil {
			r.data, r.err = readSettled(s.root, names[i], r.info)
		}
	})
	s.ahead = make(map[string]*ahead, len(names))
	for i, name := range names {
		s.ahead[name] = &read[i]
	}
}

// stat says what a name is.
func (s *scan) stat(name string) (os.FileInfo, error) {
	if r := s.ahead[name]; r != nil && r.info != nil {
		return r.info, nil
	}
	return s.root.Stat(name)
}

// content reads a file, unless it has been read.
func (s *scan) content(root *os.Root, place, name string, info os.FileInfo) ([]byte, error) {
	if r := s.ahead[name]; r != nil && r.info == info {
		return r.data, r.err
	}
	return readSettled(root, place, info)
}
