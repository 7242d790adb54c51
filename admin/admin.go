// Package admin tells people and monitoring by HTTP what a running server
// does: health, readiness, metrics, and an API of what was read, published and
// accepted.
//
// It holds no state of its own but metrics. It neither reads files nor serves
// Envoys, and all that it can change is when to look next, and whether what is
// held because too much went at once may go.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"dragoman/diag"
	"dragoman/fleet"
)

// Options of a Server. All but Log are needed.
type Options struct {
	Dir      string // the configuration directory, for people to read
	State    func() State
	Services func() []Service
	Reload   func(context.Context) (State, error) // looks at once, and returns what that has led to
	Approve  func(context.Context) (State, error) // lets go what is held, and returns what that has led to
	Watch    func() Watch
	Fleet    func() fleet.Snapshot
	Refusals func() map[string]uint64 // clients that were turned away, by the reason; every reason is there
	Log      *slog.Logger             // nil is silence
	Profile  bool                     // answer /debug/pprof/ as well
}

// A State is what the last look at the directory has left.
type State struct {
	Looked    time.Time      // when it was over; zero before the first
	Succeeded time.Time      // when something new was read last and all was right; zero if never
	OK        bool           // all that there is was read and is right
	Trouble   string         // why the directory cannot be read; "" if it can
	Unsettled []string       // files that are being written
	Problems  diag.Problems  // of files
	Refusals  diag.Problems  // what Envoys refuse, where that is written
	Refused   map[string]int // how many resources they do, by type URL
	Files     int
	Held      []string // files whose newest content is not served
	Services  int
	Pending   bool      // what is valid is yet to be published
	Versions  []Version // what was published, the newest first; the first serves
}

// all are the problems of files and what Envoys refuse.
func (s State) all() diag.Problems {
	out := slices.Concat(s.Problems, s.Refusals)
	out.Sort()
	return out
}

// A Version is one that was published.
type Version struct {
	Version   string
	At        time.Time
	Resources map[string]int // by type URL
	Services  int
	Changed   int      // how many files had changed since the one before
	Files     []string // the first of them
}

// A Service is one of those that are served.
type Service struct {
	Name      string
	File      string
	Line      int
	Hosts     []string
	Listeners []string
	Routes    int
}

// Watch is how the directory is watched, and what came of it since the start.
type Watch struct {
	Mode                      string
	Events, Overflows, Rearms uint64
}

// The limits. A look can take seconds where files are many and disks are slow.
const (
	headerTime  = 5 * time.Second
	readTime    = 10 * time.Second
	reloadTime  = 30 * time.Second
	writeTime   = reloadTime + 10*time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 64 << 10
	endTime     = 500 * time.Millisecond
)

// A Server answers.
type Server struct {
	o       Options
	metrics *metrics
}

// New returns a server that listens nowhere yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o, metrics: newMetrics(o)}
}

// Run serves on all of ls until ctx ends, and closes them. Requests that are
// being answered then have half a second.
func (s *Server) Run(ctx context.Context, ls []net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	for _, l := range ls {
		g.Go(func() error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving HTTP on %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close() // somebody reads slowly
		}
		return nil
	})
	return g.Wait()
}
