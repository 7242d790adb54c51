package main

import "bytes"

// want is what a client looks for in the bytes that it is sent.
type want struct {
	mark []byte
	// Of a burst, the mark is what all addresses begin with, and these are the
	// ones that are there: an address may come in several responses.
	seen    []bool
	missing int
}

// spread makes two numbers of three digits each of one below 22,500: the last
// half of an address that is not the beginning of another.
func spread(i int) (high, low int) { return 100 + i/150, 100 + i%150 }

// in tells whether all that is wanted has been there.
func (w *want) in(data []byte) bool {
	if w.seen == nil {
		return bytes.Contains(data, w.mark)
	}
	for {
		at := bytes.Index(data, w.mark)
		if at < 0 {
			return w.missing == 0
		}
		data = data[at+len(w.mark):]
		if i := index(data); i >= 0 && i < len(w.seen) && !w.seen[i] {
			w.seen[i] = true
			w.missing--
		}
	}
}

// index is the number that was spread, which is followed by anything; -1 if it
// is none.
func index(data []byte) int {
	const form = len("100.100")
	if len(data) < form || data[3] != '.' {
		return -1
	}
	high, low := three(data[:3]), three(data[4:form])
	if high < 100 || low < 100 || low >= 250 {
		return -1
	}
	return (high-100)*150 + low - 100
}

func three(digits []byte) int {
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return -1
		}
		n = 10*n + int(d-'0')
	}
	return n
}
