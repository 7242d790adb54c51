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
}

// readAhead reads the regular files among the entries of a directory that are
// configuration and were never read: what they hold will be kept. Whatever else
// there is waits until it is looked at, and so does what cannot be read. They
// are opened from their directory: from the root, each would take the way there
// twice.
func (s *scan) readAhead(dir string, entries []fs.DirEntry) {
	var names []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !IsConfig(e.Name()) {
			continue
		}
		if known := s.dir.seen[path.Join(dir, e.Name())]; known == nil || known.info == nil {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return
	}
	root, err := s.root.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	read := make([]*ahead, len(names))
	parallel.Each(len(names), func(i int) {
		info, err := root.Stat(names[i])
		if err != nil {
			return
		}
		if data, err := readSettled(root, names[i], info); err == nil {
			read[i] = &ahead{info, data}
		}
	})
	s.ahead = make(map[string]*ahead, len(names))
	for i, name := range names {
		s.ahead[path.Join(dir, name)] = read[i]
	}
}

// stat says what a name is.
func (s *scan) stat(name string) (os.FileInfo, error) {
	if r := s.ahead[name]; r != nil {
		return r.info, nil
	}
	return s.root.Stat(name)
}

// content reads a file, unless it has been read.
func (s *scan) content(root *os.Root, place, name string, info os.FileInfo) ([]byte, error) {
	if r := s.ahead[name]; r != nil && r.info == info {
		return r.data, nil
	}
	return readSettled(root, place, info)
}
