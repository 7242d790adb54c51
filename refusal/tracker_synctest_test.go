package refusal_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/google/go-cmp/cmp"

	"dragoman/diag"
	"dragoman/model"
	"dragoman/refusal"
	"dragoman/table"
)

// A bench is a tracker, and what it tells, each with the time since the start.
type bench struct {
	*refusal.Tracker

	t       *testing.T
	start   time.Time
	present *model.Config
	log     strings.Builder
	told    []string
}

// within runs a test in a bubble, with a tracker that judges.
func within(t *testing.T, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, start: time.Now(), present: refusal.Some()}
		tell := func(text string) { b.told = append(b.told, fmt.Sprintf("%v %s", time.Since(b.start), text)) }
		b.Tracker = refusal.New(refusal.Options{
			Log:      slog.New(slog.NewTextHandler(&b.log, nil)),
			Present:  func() *model.Config { return b.present },
			Accepted: func(version string, except []string) { tell(fmt.Sprint("accepted ", version, " but for ", except)) },
			Reject: func(version string, problems diag.Problems) {
				for _, p := range problems {
					tell(fmt.Sprintf("rejected %s in %s: %s %s", p.File, version, p.Code.ID(), p.Msg))
				}
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.Run(ctx); close(done) }()
		test(b)
		cancel()
		<-done
	})
}

// publish publishes contents by kind and name, such as "cluster bad": "1", as a
// version that has changed some files.
func (b *bench) publish(version string, contents map[string]string, files ...string) {
	types := map[string]string{}
	for _, kind := range []string{"cluster", "listener", "route"} {
		types[url(kind)] = version // every type changes
	}
	b.Published(refusal.Publication{
		Version: version, Types: types, Config: refusal.Some(), Files: files,
		Content: func(typeURL, name string) string {
			for key, content := range contents {
				if kind, n, _ := strings.Cut(key, " "); url(kind) == typeURL && n == name {
					return content
				}
			}
			return ""
		},
	})
}

func url(kind string) string {
	switch kind {
	case "cluster":
		return resource.ClusterType
	case "listener":
		return resource.ListenerType
	case "route":
		return resource.RouteType
	}
	panic(kind)
}

// open opens streams of as many Envoys, which ask for everything.
func (b *bench) open(n int) []uint64 {
	var out []uint64
	for i := range n {
		id := uint64(i + 1)
		b.Opened(refusal.Stream{ID: id, Node: fmt.Sprint("edge-", id), Peer: fmt.Sprint("10.0.0.1:", id)})
		for _, kind := range []string{"cluster", "listener", "route"} {
			b.Asked(id, url(kind))
		}
		out = append(out, id)
	}
	return out
}

func (b *bench) accept(version string, ids ...uint64) {
	for _, id := range ids {
		for _, kind := range []string{"cluster", "listener", "route"} {
			b.Accepted(id, url(kind), version)
		}
	}
}

func (b *bench) refuse(version, kind, name, words string, ids ...uint64) {
	for _, id := range ids {
		b.Refused(refusal.Refusal{Stream: id, Type: url(kind), Version: version, Words: "all: " + words, Resources: []refusal.Resource{{Name: name, Words: words}}})
	}
}

// wantProblems compares the problems there are.
func (b *bench) wantProblems(what string, want ...string) {
	b.t.Helper()
	var got []string
	for _, p := range b.Problems() {
		got = append(got, fmt.Sprintf("%s %s %s: %s", p.At(), p.Severity, p.Code.ID(), p.Msg))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s: problems (-want +got):\n%s", what, diff)
	}
}

// wantTold compares what was told so far.
func (b *bench) wantTold(what string, want ...string) {
	b.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, b.told); diff != "" {
		b.t.Errorf("%s: told (-want +got):\n%s", what, diff)
	}
}

var one = map[string]string{"cluster bad": "1", "listener l": "1", "route l": "1"}

const malformed = "malformed IP address: x"

func with(key, content string) map[string]string {
	out := maps.Clone(one)
	out[key] = content
	return out
}

func TestARefusalIsToldUntilItIsOver(t *testing.T) {
	const at = "bad.yaml:1:1 error DRG4002: "
	for how, end := range map[string]func(*bench){
		"other content is accepted": func(b *bench) {
			b.publish("v2", with("cluster bad", "2"), "bad.yaml")
			b.wantProblems("not accepted yet", at+`cluster "bad" is refused by edge-1: `+malformed)
			b.accept("v2", 1)
		},
		"the resource goes": func(b *bench) { b.publish("v2", with("cluster bad", ""), "bad.yaml") },
		"the Envoy leaves":  func(b *bench) { b.Closed(1) },
		"nobody asks":       func(b *bench) { b.Dropped(1, url("cluster")) },
	} {
		t.Run(how, func(t *testing.T) {
			within(t, func(b *bench) {
				b.open(1)
				b.publish("v1", one, "bad.yaml")
				b.refuse("v1", "cluster", "bad", malformed, 1)
				b.wantProblems("refused", at+`cluster "bad" is refused by edge-1: `+malformed)
				b.accept("v1", 1) // the rest of the response, sent again
				b.wantProblems("the others are accepted", at+`cluster "bad" is refused by edge-1: `+malformed)
				if got := b.Counts(); got[url("cluster")] != 1 || len(got) != 1 {
					t.Errorf("Counts = %v, want one cluster", got)
				}
				end(b)
				b.wantProblems("it is over")
				if got := b.Counts(); len(got) != 0 {
					t.Errorf("Counts = %v, want none", got)
				}
				if n := strings.Count(b.log.String(), "an Envoy refuses a resource"); n != 1 || !strings.Contains(b.log.String(), "at=bad.yaml:1:1") {
					t.Errorf("that was logged %d times, want once with its place:\n%s", n, b.log.String())
				}
			})
		})
	}
}

// The place is where it is now, one problem is of many Envoys, and an Envoy
// that comes back is no news.
func TestOneProblemForManyEnvoys(t *testing.T) {
	within(t, func(b *bench) {
		ids := b.open(43)
		b.publish("v1", one, "bad.yaml")
		b.refuse("v1", "cluster", "bad", malformed, ids[:2]...)
		b.wantProblems("two", `bad.yaml:1:1 error DRG4002: cluster "bad" is refused by edge-1 and another: `+malformed)
		b.refuse("v1", "cluster", "bad", malformed, ids[2:]...)
		b.present.Services.Get("bad").Origin.Line = 7
		b.wantProblems("all", `bad.yaml:7:1 error DRG4002: cluster "bad" is refused by edge-1 and 42 others: `+malformed)
		if n := len(b.Entries()); n != 43 {
			t.Errorf("there are %d entries, want one for each of 43 streams", n)
		}
		b.present.Services = b.present.Services.With(table.Change[*model.Service]{Old: b.present.Services.Get("bad")})
		b.wantProblems("gone, but not published yet", `bad.yaml:1:1 error DRG4002: cluster "bad" is refused by edge-1 and 42 others: `+malformed)
		for _, id := range ids {
			b.Closed(id)
		}
		b.open(1)
		b.refuse("v1", "cluster", "bad", malformed, 1)
		if n := strings.Count(b.log.String(), "an Envoy refuses a resource"); n != 1 {
			t.Errorf("that was logged %d times, want once:\n%s", n, b.log.String())
		}
	})
}

func TestWhereItIsWritten(t *testing.T) {
	const words = "no argument for repetition operator: *"
	for name, tt := range map[string]struct {
		kind, name, words string
		changed           []string
		want              string
		related           []string
	}{
		"a listener":                {"listener", "l", words, nil, "l.yaml:1:1", nil},
		"of a proxyless service":    {"listener", "rpc", words, nil, "rpc.yaml:1:1", nil},
		"routes that are named":     {"route", "l", "route: unknown cluster 'nowhere'", []string{"good.yaml"}, "bad.yaml:4:5", nil},
		"routes that have changed":  {"route", "l", words, []string{"good.yaml", "elsewhere.yaml"}, "good.yaml:1:1", nil},
		"routes of several changes": {"route", "l", words, []string{"good.yaml", "bad.yaml"}, "bad.yaml:1:1", []string{"good.yaml:1"}},
		"routes of no change":       {"route", "l", words, nil, "l.yaml:1:1", nil},
		"of nobody":                 {"listener", "http", words, []string{"bad.yaml"}, ".:1:1", []string{"bad.yaml:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(b *bench) {
				b.open(1)
				b.publish("v1", with("listener http", "1"), tt.changed...)
				b.refuse("v1", tt.kind, tt.name, tt.words, 1)
				p := b.Problems()[0]
				var related []string
				for _, r := range p.Related {
					related = append(related, fmt.Sprintf("%s:%d", r.File, r.Line))
				}
				if p.At() != tt.want || !slices.Equal(related, tt.related) {
					t.Errorf("it is at %s and %v, want %s and %v", p.At(), related, tt.want, tt.related)
				}
			})
		})
	}
	t.Run("one of several", func(t *testing.T) {
		within(t, func(b *bench) {
			b.open(1)
			b.publish("v1", with("cluster good", "1"))
			b.Refused(refusal.Refusal{Stream: 1, Type: url("cluster"), Version: "v1", Words: words, Candidates: []string{"good", "bad"}})
			b.wantProblems("unsure", "bad.yaml:1:1 error DRG4002: one cluster of bad, good is refused by edge-1: "+words)
			b.publish("v2", with("cluster good", "2"))
			b.accept("v2", 1)
			b.wantProblems("one of them has changed")
		})
	})
}

// Trouble of one Envoy's own is a warning, and never a reason to take anything
// from others. What does not become ready is over once it has.
func TestWarnings(t *testing.T) {
	within(t, func(b *bench) {
		b.open(1)
		b.publish("v0", one, "l.yaml")
		b.accept("v0", 1)
		time.Sleep(10 * time.Second)
		b.publish("v1", with("listener l", "2"), "l.yaml")
		b.refuse("v1", "listener", "l", "cannot bind '0.0.0.0:80': Permission denied", 1)
		b.wantProblems("own", `l.yaml:1:1 warning DRG4003: listener "l" is refused by edge-1: cannot bind '0.0.0.0:80': Permission denied`)
		time.Sleep(10 * time.Second)
		b.wantTold("own trouble", "2s accepted v0 but for []")
		b.Stuck(1, url("cluster"), []string{"bad"})
		time.Sleep(10 * time.Second)
		const slow = "it has not become ready within the time that it has; the change goes on without it"
		b.wantProblems("stuck",
			`bad.yaml:1:1 warning DRG4005: cluster "bad" is waited for by edge-1: `+slow,
			`l.yaml:1:1 warning DRG4003: listener "l" is refused by edge-1: cannot bind '0.0.0.0:80': Permission denied`)
		b.wantTold("stuck", "2s accepted v0 but for []", `20s rejected bad.yaml in v1: DRG4004 cluster "bad" is waited for by edge-1: `+slow)
		b.Accepted(1, url("cluster"), "v1")
		b.wantProblems("ready", `l.yaml:1:1 warning DRG4003: listener "l" is refused by edge-1: cannot bind '0.0.0.0:80': Permission denied`)
	})
}

func TestJudgement(t *testing.T) {
	const rejected = `10%s rejected bad.yaml in v1: DRG4004 cluster "bad" is refused by %s: ` + malformed
	for name, tt := range map[string]struct {
		refuse, accept, silent int
		want                   string
	}{
		"the only one":                  {1, 0, 0, fmt.Sprintf(rejected, "s", "edge-1")},
		"the first of many":             {1, 0, 5, fmt.Sprintf("11s"+rejected[4:], "edge-1")},
		"one old Envoy":                 {1, 2, 0, ""},
		"half":                          {2, 2, 0, ""},
		"most":                          {3, 2, 0, fmt.Sprintf(rejected, "s", "edge-1 and 2 others")},
		"one beside one that is silent": {1, 1, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(b *bench) {
				all := b.open(tt.refuse + tt.accept + tt.silent)
				b.publish("v0", one, "bad.yaml", "l.yaml")
				b.accept("v0", all...)
				time.Sleep(10 * time.Second)
				b.publish("v1", with("cluster bad", "2"), "bad.yaml")
				b.accept("v1", all[tt.refuse:tt.refuse+tt.accept]...)
				b.refuse("v1", "cluster", "bad", malformed, all[:tt.refuse]...)
				want := []string{"2s accepted v0 but for []"}
				if tt.want != "" {
					want = append(want, tt.want)
				}
				time.Sleep(1500 * time.Millisecond)
				b.wantTold(name, want...)
			})
		})
	}
}

// What is refused is not accepted with the rest, unless most have it.
func TestAcceptance(t *testing.T) {
	within(t, func(b *bench) {
		all := b.open(3)
		b.publish("v0", one, "a.yaml", "bad.yaml")
		b.Accepted(1, url("cluster"), "v0")
		time.Sleep(10 * time.Second)
		b.wantTold("in part")
		b.accept("v0", all...)
		b.publish("v1", with("cluster bad", "2"), "bad.yaml")
		b.refuse("v1", "cluster", "bad", malformed, all[0], all[1])
		b.accept("v1", all[2])
		time.Sleep(3 * time.Second)
		b.wantTold("most refuse",
			`10s rejected bad.yaml in v1: DRG4004 cluster "bad" is refused by edge-1 and another: `+malformed,
			"12s accepted v0 but for [bad.yaml]", "12s accepted v1 but for [bad.yaml]")
		b.told = nil
		b.accept("v1", all[1]) // what it had before
		b.Closed(all[1])
		b.publish("v2", with("cluster bad", "3"), "bad.yaml")
		b.refuse("v2", "cluster", "bad", malformed, all[0])
		b.accept("v2", all[2])
		time.Sleep(3 * time.Second)
		b.wantTold("one of two", "15s accepted v2 but for []")
	})
}

// An Envoy that gets a part of everything has all once it has that part, but
// for a port of its own that is taken.
func TestAPartIsAccepted(t *testing.T) {
	within(t, func(b *bench) {
		b.open(1)
		b.publish("v0", one, "a.yaml")
		parts := map[string]string{url("cluster"): "part", url("listener"): "part", url("route"): "part"}
		b.Assigned(1, parts)
		b.Accepted(1, url("cluster"), "part")
		b.Accepted(1, url("route"), "part")
		time.Sleep(3 * time.Second)
		b.wantTold("in part")
		b.refuse("part", "listener", "l", "cannot bind '0.0.0.0:80': Permission denied", 1)
		time.Sleep(3 * time.Second)
		b.wantTold("the rest", "5s accepted v0 but for []")
	})
}
