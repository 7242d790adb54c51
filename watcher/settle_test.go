package watcher

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testQuiet = 100 * time.Millisecond
	testLimit = 2 * time.Second
)

// A given is a change at a time since the start.
type given struct {
	at time.Duration
	change
}

// A got is a hint at the time at which it was received.
type got struct {
	At    time.Duration
	Names []string
}

func at(ms int, names ...string) given {
	g := given{at: time.Duration(ms) * time.Millisecond}
	g.add(names...)
	return g
}

func wholeAt(ms int, spent string, names ...string) given {
	g := at(ms, names...)
	g.whole, g.spent = true, []string{spent}
	return g
}

func hinted(ms int, names ...string) got {
	return got{time.Duration(ms) * time.Millisecond, names}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	const root = ""
	hour := int(time.Hour / time.Millisecond)
	for _, tc := range []struct {
		name string
		in   []given
		want []got
	}{
		{
			"one change waits for quiet",
			[]given{at(0, "a")},
			[]got{hinted(100, "a")},
		},
		{
			"each change starts the quiet time again, and one hint has them all, sorted",
			[]given{at(0, "b"), at(60, "a"), at(120, "b")},
			[]got{hinted(220, "a", "b")},
		},
		{
			"what comes after quiet is another burst",
			[]given{at(0, "a"), at(150, "b")},
			[]got{hinted(100, "a"), hinted(250, "b")},
		},
		{
			"a busy writer cannot put off the hint for ever",
			every(40, 3000, "a"),
			[]got{hinted(2000, "a"), hinted(3060, "a")},
		},
		{
			"the limit runs from the first pending change, not from the last hint",
			[]given{at(0, "a"), at(hour, "b"), at(hour+90, "b"), at(hour+180, "b")},
			[]got{hinted(100, "a"), hinted(hour+280, "b")},
		},
		{
			"everywhere swallows names",
			[]given{at(0, "a"), at(10, root), at(20, "b")},
			[]got{hinted(120)},
		},
		{
			"a whole change is sent at once, and others go on waiting",
			[]given{at(0, "half"), wholeAt(30, "tmp", "a"), at(60, "half")},
			[]got{hinted(30, "a"), hinted(160, "half")},
		},
		{
			"a whole change is the last word on its name and on the one it came from",
			[]given{at(0, "tmp"), at(1, "a"), wholeAt(2, "tmp", "a")},
			[]got{hinted(2, "a")},
		},
		{
			"the limit does not run on after the pending changes were made whole",
			[]given{at(0, "a"), wholeAt(50, "tmp", "a"), at(1950, "b"), at(2030, "b")},
			[]got{hinted(50, "a"), hinted(2130, "b")},
		},
		{
			"a write after a whole change waits again",
			[]given{wholeAt(0, "tmp", "a"), at(10, "a")},
			[]got{hinted(0, "a"), hinted(110, "a")},
		},
		{
			"everywhere at once leaves nothing to wait for",
			[]given{at(0, "a"), wholeAt(10, "", root)},
			[]got{hinted(10)},
		},
		{
			"a whole change takes nothing from a pending everywhere",
			[]given{at(0, root), wholeAt(10, "tmp", "a")},
			[]got{hinted(10, "a"), hinted(100)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, settled(t, tc.in, 0)); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettleGrowsWhileNobodyReceives(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		in   []given
		want []got
	}{
		{
			"names are united",
			[]given{at(0, "a"), at(500, "b"), wholeAt(1000, "tmp", "c"), at(3500, "a")},
			[]got{hinted(3000, "a", "b", "c"), hinted(6000, "a")},
		},
		{
			"everywhere swallows names that wait and that come",
			[]given{at(0, "a"), at(500, ""), at(1000, "b")},
			[]got{hinted(3000)},
		},
		{
			"what is still unsettled is not taken along",
			[]given{at(0, "a"), at(2950, "b")},
			[]got{hinted(3000, "a"), hinted(6000, "b")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, settled(t, tc.in, 3*time.Second)); diff != "" {
				t.Errorf("hints of a receiver that comes every 3s (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettleForgetsNamesWhenThereAreTooMany(t *testing.T) {
	t.Parallel()
	var g given
	for i := range maxNames {
		g.add(strconv.Itoa(i))
	}
	out := settled(t, []given{g}, 0)
	if len(out) != 1 || len(out[0].Names) != maxNames {
		t.Fatalf("got %d hints for %d names, want one with all of them", len(out), maxNames)
	}
	out = settled(t, []given{g, at(10, "one more")}, 0)
	if diff := cmp.Diff([]got{hinted(110)}, out); diff != "" {
		t.Errorf("one name more (-want +got):\n%s", diff)
	}
}

func every(step, until int, name string) []given {
	var out []given
	for ms := 0; ms < until; ms += step {
		out = append(out, at(ms, name))
	}
	return out
}

// A receiver that is busy while a thousand files are renamed costs nothing.
func BenchmarkBurst(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := newSettling(make(chan []string), testQuiet, testLimit)
		for i := range 1000 {
			s.add(wholeAt(0, ".next", strconv.Itoa(i*7919%1000)).change)
		}
	}
}

// settleAll does for s what a run does.
func settleAll(ctx context.Context, changes <-chan change, s *settling) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-changes:
			s.add(c)
		case s.out <- s.offer:
			s.taken()
		case <-s.timer.C:
			s.settle()
		}
	}
}

// settled runs settling in a bubble. The receiver takes a hint, then does
// something for as long as busy; it begins by that, too.
func settled(t *testing.T, in []given, busy time.Duration) []got {
	t.Helper()
	var out []got
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		changes, hints := make(chan change), make(chan []string)
		start := time.Now()
		go settleAll(ctx, changes, newSettling(hints, testQuiet, testLimit))
		go func() {
			for {
				time.Sleep(busy)
				select {
				case names := <-hints:
					out = append(out, got{time.Since(start), names})
				case <-ctx.Done():
					return
				}
			}
		}()
		for _, g := range in {
			time.Sleep(time.Until(start.Add(g.at)))
			changes <- g.change
		}
		time.Sleep(time.Minute)
		cancel()
		synctest.Wait()
	})
	return out
}
