package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
)

// format is the version of what is written. Another one is not read.
const format = 1

// A listing is the second line of an index. The first has the format and the
// listing's hash. Each further line is what has changed since the one before:
// names with the hashes of their contents, or with nothing if they went, behind
// a hash of that and of the hash before. So a line counts if all before it do.
type listing struct {
	Dir   string            `json:"dir"`   // whose files
	Files map[string]string `json:"files"` // path to hash
}

// A journal is what is known of the index that is there. The zero journal is
// of none that could be written on.
type journal struct {
	listed int64  // bytes up to the end of the listing
	size   int64  // bytes in all
	last   string // the hash of the last line
}

// begin returns an index that is a listing alone.
func begin(l listing) ([]byte, journal, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, journal{}, err
	}
	hash := sum(body)
	data := fmt.Appendf(nil, "dragoman state %d %s\n%s\n", format, hash, body)
	size := int64(len(data))
	return data, journal{size, size, hash}, nil
}

// line returns a further line, and the journal with it.
func (j journal) line(changed map[string]string) ([]byte, journal, error) {
	body, err := json.Marshal(changed)
	if err != nil {
		return nil, journal{}, err
	}
	j.last = sum(append([]byte(j.last), body...))
	data := fmt.Appendf(nil, "%s %s\n", j.last, body)
	j.size += int64(len(data))
	return data, j, nil
}

// room is how many bytes of further lines an index has room for beside as many
// as the listing's. Then a new one is made, which costs no edit more than
// another line, on average.
const room = 16 << 10

func (j journal) full() bool { return j.size > 2*j.listed+room }

// readIndex returns what is kept of a directory, path to hash. Beside an error
// it is what was kept before something went wrong. Both are nil if there is no
// index.
func readIndex(path, of string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // nothing was kept, and nothing is wrong
	case err != nil:
		return nil, err
	}
	head, rest, _ := bytes.Cut(data, []byte("\n"))
	body, rest, _ := bytes.Cut(rest, []byte("\n"))
	var version int
	var last string
	switch _, err := fmt.Sscanf(string(head), "dragoman state %d %s", &version, &last); {
	case err == nil && version != format:
		return nil, fmt.Errorf("%s has format %d, not %d", path, version, format)
	case err != nil || sum(body) != last:
		return nil, fmt.Errorf("%s is not what was written", path)
	}
	var l listing
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if l.Dir != of {
		return nil, fmt.Errorf("%s is about the directory %s, not %s", path, l.Dir, of)
	}
	if l.Files == nil {
		l.Files = map[string]string{}
	}
	if !l.follow(last, rest) {
		return l.Files, fmt.Errorf("%s is not to its end what was written", path)
	}
	return l.Files, nil
}

// follow does what further lines say, as far as they are right, and says
// whether all are.
func (l *listing) follow(last string, lines []byte) bool {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte("\n"))
		hash, body, _ := bytes.Cut(line, []byte(" "))
		last = sum(append([]byte(last), body...))
		var changed map[string]string
		if string(hash) != last || json.Unmarshal(body, &changed) != nil {
			return false
		}
		maps.Copy(l.Files, changed)
		maps.DeleteFunc(l.Files, func(_, hash string) bool { return hash == "" })
	}
	return true
}
