package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dragoman/admin"
	"dragoman/fleet"
	"dragoman/pipeline"
	"dragoman/refusal"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/watcher"
	"dragoman/xds"
)

// A serveCommand is what the flags of serve say.
type serveCommand struct {
	dir        string
	listen     string
	admin      string
	profile    bool
	channel    channel
	logFormat  oneOf
	logLevel   oneOf
	onError    oneOf
	onNACK     oneOf
	allowEmpty bool
	allowPaths []string
	stateDir   string
	linger     time.Duration
	watcher    watcher.Options
	translate  translator.Options
}

func newServe() *cobra.Command {
	s := serveCommand{
		logFormat: oneOf{"text", []string{"text", "json"}},
		logLevel:  oneOf{"info", []string{"debug", "info", "warn", "error"}},
		onError:   oneOf{"quarantine", []string{"quarantine", "freeze"}},
		onNACK:    oneOf{"report", []string{"report", "rollback"}},
	}
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Watch a directory and serve it to Envoys until SIGTERM or SIGINT",
		Long:  "Serve watches DIR and serves it over xDS. A file that is wrong keeps its last good content; SIGHUP looks again at once.",
		Args:  oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.dir = args[0]
			return s.run(cmd.Context(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "localhost:18000", "serve xDS on every address of this HOST:PORT")
	s.channel.flags(f)
	f.StringVar(&s.admin, "admin", "localhost:18001", "serve health, metrics and the API on every address of this HOST:PORT, or off")
	f.BoolVar(&s.profile, "admin-pprof", false, "answer /debug/pprof/ on the admin address, for go tool pprof; a profile slows the server a little while it is taken")
	f.DurationVar(&s.watcher.Quiet, "quiet", 100*time.Millisecond, "how long a burst of writes must be still")
	f.DurationVar(&s.watcher.MaxDelay, "max-delay", 2*time.Second, "how long a burst of writes may delay a look")
	f.DurationVar(&s.watcher.Resync, "resync", 30*time.Second, "look at everything this often; 0 is never")
	f.Var(&s.watcher.Mode, "watch", "how changes are noticed: auto, notify or poll")
	f.Var(&s.onError, "on-error", "what an error holds back: quarantine, the files that it concerns; freeze, every change")
	f.Var(&s.onNACK, "on-nack", "what follows when Envoys refuse a resource: report, a problem at its file and line; rollback, its file goes back to what was accepted last, too")
	f.BoolVar(&s.allowEmpty, "allow-empty", false, "let most services, or the last one, go at once; they are held otherwise")
	allowPath(f, &s.allowPaths)
	f.StringVar(&s.stateDir, "state-dir", "", "keep what serves in this directory over restarts; outside of DIR, or hidden")
	f.DurationVar(&s.linger, "linger", 5*time.Second, "how long an Envoy keeps what its routes have ceased to use, for requests in flight")
	f.Var(&s.logFormat, "log-format", "form of the log on standard error")
	f.Var(&s.logLevel, "log-level", "least level that is logged")
	translation(f, &s.translate)
	return cmd
}

// run serves until a signal. A second signal kills at once.
func (s *serveCommand) run(ctx context.Context, stderr io.Writer) error {
	log := newLogger(stderr, s.logFormat.value, s.logLevel.value)
	keeper, restored, err := s.openState(log)
	if err != nil {
		return err
	}
	if err := s.check(len(restored) > 0); err != nil {
		return err
	}
	guard, err := s.channel.open(log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	hangup := make(chan os.Signal, 1) // from here on, or an early SIGHUP would kill
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	listeners, adminListeners, err := s.open(ctx, log)
	if err != nil {
		return err
	}
	s.watcher.Log = log
	w := watcher.New(s.dir, s.watcher)
	server, p, a, t := s.assemble(s.channel.options(guard, log), w, pipeline.Options{Restore: restored, Keep: keep(keeper), Log: log})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { t.Run(ctx); return nil })
	g.Go(func() error { return guard.run(ctx) })
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error { return server.Run(ctx, listeners) })
	g.Go(func() error { return a.Run(ctx, adminListeners) })
	g.Go(func() error { return rescanOnHangup(ctx, hangup, w) })
	g.Go(func() error {
		return kept(keeper, func() error { return follow(ctx, w, p) })
	})
	return g.Wait()
}

// open listens on both addresses, and says where they are and who can reach
// them.
func (s *serveCommand) open(ctx context.Context, log *slog.Logger) (forXDS, forAdmin []net.Listener, err error) {
	if forXDS, err = listen(ctx, s.listen, "--listen"); err != nil {
		return nil, nil, err
	}
	if forAdmin, err = listen(ctx, s.admin, "--admin"); err != nil {
		return nil, nil, errors.Join(err, closeAll(forXDS))
	}
	announceAdmin(forAdmin, log)
	for _, l := range forXDS {
		log.Info("serving xDS", slog.String("address", l.Addr().String()), slog.String("directory", s.dir))
	}
	s.channel.warn(forXDS, log)
	return forXDS, forAdmin, nil
}

// assemble makes the parts and lets them know each other.
func (s *serveCommand) assemble(x xds.Options, w *watcher.Watcher, o pipeline.Options) (*xds.Server, *pipeline.Pipeline, *admin.Server, *refusal.Tracker) {
	var a *admin.Server // these know all of the others, and the others tell them
	var p *pipeline.Pipeline
	envoys := fleet.New(fleet.Options{Converged: func(took time.Duration) { a.Propagated(took) }})
	refused := refusal.New(s.judge(o.Log, &p))
	x.Observe, x.Register = observe(envoys, refused, o.Log), clientStatus(envoys, refused).Register
	if x.Linger = s.linger; s.linger == 0 {
		x.Linger = -1 // zero is the default there
	}
	if s.rollback() {
		x.HoldRefused = holdRefused
	}
	server := xds.New(x)
	o.Dir, o.Hints, o.Translate = s.dir, w.Changes(), s.translate
	o.AllowPaths = s.allowPaths
	o.AllowEmpty, o.Freeze, o.Rollback = s.allowEmpty, s.onError.value == "freeze", s.rollback()
	o.Looked = func(l pipeline.Look) { a.Reloaded(l.OK, l.Duration) }
	o.Publishing = func(b pipeline.Publication) { refused.Published(publication(b)) }
	o.Restored = server.Remember
	var last *snapshot.Snapshot
	started := collectLess()
	o.Publish = func(ctx context.Context, snap *snapshot.Snapshot) error {
		defer started()
		warnOfDrains(o.Log, last, snap)
		last = snap
		return server.Publish(ctx, snap)
	}
	p = pipeline.New(o)
	a = newAdmin(admin.Options{Dir: s.dir, Profile: s.profile, Log: o.Log, Fleet: envoys.Snapshot, Refusals: server.Refusals}, p, w, refused)
	return server, p, a, refused
}

// follow runs the pipeline once changes are noticed.
func follow(ctx context.Context, w *watcher.Watcher, p *pipeline.Pipeline) error {
	select {
	case <-w.Armed():
		return p.Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

// check refuses what could not work. With something restored there is enough
// to serve, whatever has become of the directory.
func (s *serveCommand) check(restored bool) error {
	if s.listen == "off" {
		return errors.New("--listen must be HOST:PORT: without xDS there is nothing to serve")
	}
	info, err := os.Stat(s.dir)
	bad := err != nil || !info.IsDir()
	switch {
	case bad && restored:
		// The pipeline will say so.
	case err != nil:
		return fmt.Errorf("nothing to serve: %w", err)
	case !info.IsDir():
		return fmt.Errorf("nothing to serve: %s is not a directory", s.dir)
	case s.watcher.Quiet <= 0 || s.watcher.MaxDelay < s.watcher.Quiet:
		return errors.New("--quiet must be above 0, and not above --max-delay")
	case s.watcher.Resync < 0:
		return errors.New("--resync must not be below 0")
	case s.linger < 0:
		return errors.New("--linger must not be below 0")
	}
	return s.channel.check()
}

// warnOfDrains says what a snapshot does to open connections, before it does.
func warnOfDrains(log *slog.Logger, last, next *snapshot.Snapshot) {
	if last == nil {
		return
	}
	for _, name := range last.Drained(next) {
		log.Warn("a listener changes or goes: Envoys drain the connections that are open on it",
			slog.String("listener", name), slog.String("version", next.Version))
	}
}

// observeLog says what is published, before any Envoy can have it.
func observeLog(log *slog.Logger, e xds.Event) {
	if e.Kind == xds.Published && log.Enabled(context.Background(), slog.LevelInfo) {
		log.Info("version published", slog.String("version", e.Snapshot.Version), resources(e.Snapshot.Counts))
	}
}

// resources is how many there are of each type, by the type's last name.
func resources(counts map[string]int) slog.Attr {
	var attrs []any
	for _, url := range slices.Sorted(maps.Keys(counts)) {
		attrs = append(attrs, slog.Int(url[strings.LastIndexByte(url, '.')+1:], counts[url]))
	}
	return slog.Group("resources", attrs...)
}

// rescanOnHangup looks at everything when SIGHUP comes.
func rescanOnHangup(ctx context.Context, hangup <-chan os.Signal, w *watcher.Watcher) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			w.Rescan()
		}
	}
}

func newLogger(w io.Writer, format, level string) *slog.Logger {
	var o slog.HandlerOptions
	var l slog.Level
	if l.UnmarshalText([]byte(level)) == nil { // the flag takes only levels
		o.Level = l
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &o))
	}
	return slog.New(slog.NewTextHandler(w, &o))
}
