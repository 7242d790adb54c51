package xds

import (
	"context"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// clients are those that have something open. A client is whoever has the same
// names in its certificate or, without one, the same IP address: a number of
// Envoys behind one address, or with one certificate, is one client.
type clients struct {
	most     int  // streams of all clients, and connections; half is for one
	arrivals Rate // of the streams of all clients; of one, see newClients
	one      Rate

	// mu guards what follows.
	mu          sync.Mutex
	by          map[string]*client
	streams     int
	connections int
	arrived     bucket
	sweep       int // how many there must be to look for those that are gone
}

type client struct {
	streams, connections int
	arrived              bucket
}

// minSweep is how many clients are kept without a thought.
const minSweep = 1024

// newClients lets one client begin streams at less than the rate of all, but
// many at once, so that whoever begins and ends them in a loop hinders others
// little, and a fleet behind one address comes back at once.
func newClients(most int, arrivals Rate) *clients {
	return &clients{
		most: most, arrivals: arrivals, one: Rate{Burst: 4 * arrivals.Burst, PerSecond: arrivals.PerSecond / 2},
		by: map[string]*client{}, arrived: bucket{Rate: arrivals}, sweep: minSweep,
	}
}

// clientOf is the client that a stream is of.
func clientOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	return clientName(p.Addr, p.AuthInfo)
}

func clientName(addr net.Addr, info credentials.AuthInfo) string {
	if tls, ok := info.(credentials.TLSInfo); ok && len(tls.State.VerifiedChains) > 0 {
		if all := names(tls.State.PeerCertificates[0]); len(all) > 0 {
			return strings.Join(all, " ")
		}
	}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().String()
	}
	return addr.String()
}

// client returns one, with mu held.
func (c *clients) client(name string) *client {
	x := c.by[name]
	if x != nil {
		return x
	}
	if len(c.by) >= c.sweep {
		now := time.Now()
		maps.DeleteFunc(c.by, func(_ string, x *client) bool {
			return x.streams == 0 && x.connections == 0 && x.arrived.left(now) == 0
		})
		c.sweep = max(minSweep, 2*len(c.by))
	}
	x = &client{arrived: bucket{Rate: c.one}}
	c.by[name] = x
	return x
}

// connect counts a connection, unless there are too many. Each that it counts
// is to be disconnected.
func (c *clients) connect(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.client(name)
	switch {
	case c.connections >= c.most:
		return errFull("the server", "all connections", c.most)
	case x.connections >= c.share():
		return errFull("the client", "all connections", c.share())
	}
	x.connections++
	c.connections++
	return nil
}

func (c *clients) disconnect(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client(name).connections--
	c.connections--
}

// open counts a stream, unless there are too many. Each that it counts is to be
// closed.
func (c *clients) open(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.client(name)
	switch {
	case c.streams >= c.most:
		return errFull("the server", "all streams", c.most)
	case x.streams >= c.share():
		return errFull("the client", "all streams", c.share())
	}
	x.streams++
	c.streams++
	return nil
}

func (c *clients) close(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client(name).streams--
	c.streams--
}

// share is what one client may have.
func (c *clients) share() int { return max(1, c.most/2) }

// admit waits until it is a stream's turn: when a fleet comes back, all at once
// would need the memory of all their first responses at once.
func (c *clients) admit(ctx context.Context, name string) error {
	c.mu.Lock()
	own := &c.client(name).arrived
	c.mu.Unlock()
	for _, b := range []*bucket{own, &c.arrived} {
		c.mu.Lock()
		wait := b.take(time.Now(), 1)
		c.mu.Unlock()
		if err := pause(ctx, wait); err != nil {
			c.mu.Lock()
			b.untake(1)
			c.mu.Unlock()
			return err
		}
	}
	return nil
}
