package loader

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"syscall"
)

var (
	errNotRegular = errors.New("it is not a regular file")
	errDangling   = errors.New("the link leads nowhere")
	errTooLarge   = errors.New("it is larger than 1 MiB")
	errUnsettled  = errors.New("it changes while it is read")
)

// read passes on the content of a file if it is new. The file is at a place in
// a root.
func (s *scan) read(root *os.Root, place, name string, info os.FileInfo) {
	data, err := readSettled(root, place, info)
	if err != nil {
		s.trouble(name, err)
		return
	}
	e := s.dir.entry(name)
	hash := sha256.Sum256(data)
	if hash == e.hash && e.trouble == "" {
		*e = entry{hash: hash}
		return
	}
	if blank(data) && !s.settled(name) {
		return
	}
	*e = entry{hash: hash}
	s.change(Source{Path: name, Data: data})
}

// blank tells a file that holds nothing, as one does that is being saved.
func blank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// readSettled reads a regular file that nobody writes to meanwhile: the same
// file, size and time before and after, and as many bytes as it says.
func readSettled(root *os.Root, name string, before os.FileInfo) ([]byte, error) {
	switch {
	case !before.Mode().IsRegular():
		return nil, errNotRegular // to open a FIFO would wait for its writer
	case before.Size() > maxBytes:
		return nil, errTooLarge
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(before, after) || before.Size() != after.Size() || before.ModTime() != after.ModTime() || int64(len(data)) != after.Size() {
		return nil, errUnsettled
	}
	return data, nil
}
