package loader

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
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
	data, err := s.content(root, place, name, info)
	if err != nil {
		s.trouble(name, err)
		return
	}
	e := s.dir.entry(name)
	hash := sha256.Sum256(data)
	if hash == e.hash && e.trouble == "" {
		*e = entry{hash: hash, info: info}
		return
	}
	if blank(data) && !s.settled(name) {
		return
	}
	if s.dir.grace > 0 && overwritten(e.info, info, time.Now()) {
		s.trouble(name, errUnsettled)
		return
	}
	*e = entry{hash: hash, info: info}
	s.change(Source{Path: name, Data: data})
}

// overwritten tells a file that somebody has just written to in place. A kernel
// sets its time when a write begins, and some count time in steps of several
// milliseconds: what was read of it may be the beginning of one content and the
// end of another, and its time the same before and after. A file that was
// renamed into place is another file than before, and needs no waiting; one
// from the future is no news.
func overwritten(before, now os.FileInfo, at time.Time) bool {
	age := at.Sub(now.ModTime())
	return before != nil && os.SameFile(before, now) && age >= 0 && age < SettleTime
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
	data, err := readUpTo(f, before.Size())
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

// readUpTo reads as many bytes as a file is said to have, and one more if there
// are more. To be told that it has ended, which its size will say as well, would
// take another call of the kernel.
func readUpTo(f io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size+1)
	n, err := io.ReadAtLeast(f, data, max(1, int(size)))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // It is shorter now.
	}
	return data[:n], err
}
