package xds

import (
	"sync"
	"time"
)

// The reasons to turn a client away.
const (
	badHandshake       = "handshake"   // TLS with another authority, an expired certificate, none, or no TLS
	slowHandshake      = "slow"        // longer than Options.HandshakeTimeout
	notHTTP2           = "protocol"    // something else than HTTP/2
	tooManyConnections = "connections" // of one client, or all
	tooManyStreams     = "streams"     // of one client, or all
	tooManyPings       = "pings"       // more often than minPing
	notThatNode        = "node"        // Options.Authorize
	silent             = "silent"      // no request within Options.FirstRequest
	tooLarge           = "size"        // a request above Options.MaxRecvBytes
	tooFast            = "rate"        // requests above Options.Requests
	badRequest         = "request"     // for what is not served
	plainText          = "plain"       // secrets that would leave the machine in plain text
)

func reasons() []string {
	return []string{
		badHandshake, slowHandshake, notHTTP2, tooManyConnections, tooManyStreams, tooManyPings,
		notThatNode, silent, tooLarge, tooFast, badRequest, plainText,
	}
}

// A line for each refusal could fill a disk: of many for one reason there is a
// line for some, and each line has the count of all.
const (
	refusalLines = 10
	refusalTime  = 10 * time.Second
)

// refusals counts who is turned away.
type refusals struct {
	// mu guards what follows.
	mu    sync.Mutex
	total int // since the start
	by    map[string]*tally
}

// tally is for one reason.
type tally struct {
	total uint64
	since time.Time // when the current stretch of refusalTime began
	lines int       // in this stretch
}

func newRefusals() *refusals {
	r := &refusals{by: map[string]*tally{}}
	for _, reason := range reasons() {
		r.by[reason] = new(tally)
	}
	return r
}

// count counts one more, and tells how many there were for any reason and
// whether to say so.
func (r *refusals) count(reason string) (total int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	t := r.by[reason]
	t.total++
	if now := time.Now(); now.Sub(t.since) >= refusalTime {
		t.since, t.lines = now, 0
	}
	t.lines++
	return r.total, t.lines <= refusalLines
}

// Refusals returns how many connections, streams and requests were turned away
// since the start, by the reason. Every reason is there.
func (s *Server) Refusals() map[string]uint64 {
	s.refusals.mu.Lock()
	defer s.refusals.mu.Unlock()
	out := map[string]uint64{}
	for reason, t := range s.refusals.by {
		out[reason] = t.total
	}
	return out
}
