package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"dragoman/admin"
	"dragoman/fleet"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/refusal"
	"dragoman/watcher"
	"dragoman/xds"
)

// listen listens on the address that a flag gives. off is no listener.
func listen(ctx context.Context, addr, flag string) ([]net.Listener, error) {
	if addr == "off" {
		return nil, nil
	}
	ls, err := xds.Listen(ctx, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w; take another port with %s, or stop what listens there", err, flag)
	}
	return ls, err
}

// announceAdmin says where the admin address is, and who else can reach it.
func announceAdmin(ls []net.Listener, log *slog.Logger) {
	for _, l := range ls {
		address := slog.String("address", l.Addr().String())
		log.Info("serving HTTP for administration", address)
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			log.Warn("the admin address can be reached from other machines; it asks for no password", address)
		}
	}
}

// newAdmin lets the admin server ask the others; o has what it is told of here.
func newAdmin(o admin.Options, p *pipeline.Pipeline, w *watcher.Watcher, t *refusal.Tracker) *admin.Server {
	state := func(r pipeline.Report) admin.State { return adminState(r, t) }
	o.State = func() admin.State { return state(p.Report()) }
	o.Services = func() []admin.Service { return adminServices(p.Report().Config) }
	o.Reload = func(ctx context.Context) (admin.State, error) {
		r, err := p.Look(ctx)
		return state(r), err
	}
	o.Approve = func(ctx context.Context) (admin.State, error) {
		r, err := p.Approve(ctx)
		return state(r), err
	}
	o.Watch = func() admin.Watch {
		s := w.Stats()
		return admin.Watch{Mode: s.Mode.String(), Events: s.Events, Overflows: s.Overflows, Rearms: s.Rearms}
	}
	return admin.New(o)
}

func adminState(r pipeline.Report, t *refusal.Tracker) admin.State {
	s := admin.State{
		Looked: r.Looked, Succeeded: r.Succeeded, OK: r.OK(), Trouble: r.Trouble, Unsettled: r.Unsettled,
		Problems: r.Problems, Files: r.Files, Held: r.Held, Pending: r.Pending,
		Refusals: t.Problems(), Refused: t.Counts(),
	}
	if r.Config != nil {
		s.Services = r.Config.Services.Len()
	}
	for _, v := range r.Versions {
		s.Versions = append(s.Versions, admin.Version(v))
	}
	return s
}

func adminServices(c *model.Config) []admin.Service {
	if c == nil {
		return nil
	}
	var out []admin.Service
	for s := range c.Services.All() {
		out = append(out, admin.Service{
			Name: s.Name, File: s.Origin.File, Line: s.Origin.Line,
			Hosts: s.Hosts, Listeners: s.Listeners, Routes: len(s.Routes),
		})
	}
	return out
}

// observeFleet tells the fleet of what happens on the streams.
func observeFleet(f *fleet.Fleet, e xds.Event) {
	switch e.Kind {
	case xds.Published:
		f.Published(e.Versions)
	case xds.Assigned:
		f.Assigned(e.Stream, e.Versions)
	case xds.Opened:
		f.Opened(fleet.Stream{
			ID: e.Stream, Node: e.Node, Cluster: e.Cluster,
			Peer: e.Peer, Protocol: e.Protocol, Service: e.Service,
		})
	case xds.Closed:
		f.Closed(e.Stream)
	case xds.Asked:
		f.Asked(e.Stream, e.Type)
	case xds.Dropped:
		f.Dropped(e.Stream, e.Type)
	case xds.Offered:
		f.Offered(e.Stream, e.Type, e.Version)
	case xds.Accepted:
		f.Accepted(e.Stream, e.Type, e.Version)
	case xds.Partly:
		f.Partly(e.Stream, e.Type, e.Version)
	case xds.Refused:
		f.Refused(e.Stream, e.Type, e.Version, e.Words)
	case xds.Stuck:
		// It has the version still to come.
	}
}

func closeAll(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
