package loader

import (
	"crypto/sha256"

	"dragoman/parallel"
)

// parseAll parses the new contents among sources, many of them on all cores.
// The place of a source has nil if there is no content of configuration in it,
// and what serves if that is its content.
func (l *Loader) parseAll(sources []Source) []*file {
	out := make([]*file, len(sources))
	parallel.Each(len(sources), func(i int) { out[i] = l.parsed(sources[i]) })
	return out
}

// parsed only reads of the loader: several goroutines call it at once.
func (l *Loader) parsed(s Source) *file {
	if s.Named || s.Gone || s.Problem != nil {
		return nil
	}
	if v := l.files[s.Path]; v != nil && v.good != nil && v.good.hash == sha256.Sum256(s.Data) {
		return v.good
	}
	return parse(s.Path, s.Data)
}
