package main

import (
	"log/slog"
	"time"

	"dragoman/csds"
	"dragoman/diag"
	"dragoman/fleet"
	"dragoman/model"
	"dragoman/pipeline"
	"dragoman/refusal"
	"dragoman/xds"
)

// holdRefused is how long routes wait for what they need to go back. It is
// decided within a second and published at once.
const holdRefused = 3 * time.Second

// rollback tells whether a file goes back when Envoys refuse what is in it.
func (s *serveCommand) rollback() bool { return s.onNACK.value == "rollback" }

// judge says who is told of refusals: the pipeline, once there is one, if it
// is to act on them.
func (s *serveCommand) judge(log *slog.Logger, p **pipeline.Pipeline) refusal.Options {
	o := refusal.Options{Log: log, Present: func() *model.Config { return (*p).Report().Config }}
	if s.rollback() {
		o.Accepted = func(version string, except []string) { (*p).Accepted(version, except) }
		o.Reject = func(version string, problems diag.Problems) { (*p).Reject(version, problems) }
	}
	return o
}

// publication is what those who know of refusals are to know of it.
func publication(b pipeline.Publication) refusal.Publication {
	return refusal.Publication{
		Version: b.Snapshot.Version,
		Types:   b.Snapshot.Versions,
		Config:  b.Config,
		Files:   b.Files,
		Content: func(typeURL, name string) string {
			if r := b.Snapshot.All(typeURL).Get(name); r != nil {
				return r.Version
			}
			return ""
		},
	}
}

// clientStatus lets other tools than ours ask who runs what.
func clientStatus(f *fleet.Fleet, t *refusal.Tracker) *csds.Server {
	return csds.New(csds.Options{Fleet: f.Snapshot, Refusals: func() []csds.Refusal {
		var out []csds.Refusal
		for _, e := range t.Entries() {
			out = append(out, csds.Refusal(e))
		}
		return out
	}})
}

// observe tells of what happens on the streams.
func observe(f *fleet.Fleet, t *refusal.Tracker, log *slog.Logger) func(xds.Event) {
	return func(e xds.Event) {
		observeLog(log, e)
		observeFleet(f, e)
		observeRefusals(t, e)
	}
}

func observeRefusals(t *refusal.Tracker, e xds.Event) {
	switch e.Kind {
	case xds.Opened:
		t.Opened(refusal.Stream{ID: e.Stream, Node: e.Node, Cluster: e.Cluster, Peer: e.Peer})
	case xds.Closed:
		t.Closed(e.Stream)
	case xds.Asked:
		t.Asked(e.Stream, e.Type)
	case xds.Dropped:
		t.Dropped(e.Stream, e.Type)
	case xds.Assigned:
		t.Assigned(e.Stream, e.Versions)
	case xds.Accepted, xds.Partly:
		t.Accepted(e.Stream, e.Type, e.Version)
	case xds.Stuck:
		t.Stuck(e.Stream, e.Type, e.Names)
	case xds.Refused:
		r := refusal.Refusal{Stream: e.Stream, Type: e.Type, Version: e.Version, Words: e.Words, Candidates: e.Names}
		for _, one := range e.Resources {
			r.Resources = append(r.Resources, refusal.Resource(one))
		}
		t.Refused(r)
	case xds.Published, xds.Offered:
		// Publications are told of with what they are made of.
	}
}
