package xds

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// requests is a stream on which there is always another request.
type requests struct {
	grpc.ServerStream

	name string // in each
	gap  time.Duration
}

func (r requests) RecvMsg(m any) error {
	time.Sleep(r.gap)
	m.(*discoveryv3.DeltaDiscoveryRequest).ResourceNamesSubscribe = []string{r.name}
	return nil
}

func flooded(t *testing.T, r requests, refused *string) *limited {
	t.Helper()
	return &limited{
		ServerStream: r, ctx: t.Context(), silence: time.NewTimer(time.Hour),
		requests: bucket{Rate: New(Options{}).options.Requests},
		refuse: func(reason string, err error) error {
			*refused = reason
			return err
		},
	}
}

// late is a clock's timer that always fires late, as those of a busy machine do.
func late(l *limited) error {
	err := l.RecvMsg(new(discoveryv3.DeltaDiscoveryRequest))
	time.Sleep(5 * time.Millisecond)
	return err
}

// Who sends more than is read is not let off because the reader is slow.
func TestAFloodOnABusyMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused string
		l := flooded(t, requests{name: string(make([]byte, 1<<20))}, &refused) // each is 17, and so 3400 a second
		start := time.Now()
		for late(l) == nil {
			if time.Since(start) > time.Minute {
				t.Fatal("it goes on for a minute")
			}
		}
		if refused != tooFast {
			t.Errorf("it ended for %q", refused)
		}
	})
}

func TestAFloodOfRequests(t *testing.T) {
	for _, tt := range []struct {
		name        string
		from        requests
		least, most int           // requests that are taken
		after       time.Duration // from the beginning
	}{
		{"as fast as it can", requests{}, 6999, 7002, 10 * time.Second},
		{"large ones", requests{name: string(make([]byte, 1<<20))}, 411, 413, 10 * time.Second}, // each is 17
		{"twice too fast", requests{gap: time.Millisecond}, 8999, 9002, 14 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var refused string
				l, start, n := flooded(t, tt.from, &refused), time.Now(), 0
				var err error
				for ; err == nil; n++ {
					err = l.RecvMsg(new(discoveryv3.DeltaDiscoveryRequest))
				}
				if status.Code(err) != codes.ResourceExhausted || refused != tooFast || status.Convert(err).Message() != "more than 500 requests a second" {
					t.Errorf("it ended with %v for %q", err, refused)
				}
				took := time.Since(start)
				if n < tt.least || n > tt.most || took < tt.after-50*time.Millisecond || took > tt.after+100*time.Millisecond {
					t.Errorf("%d requests in %v were taken, want %d in %v", n, took, tt.least, tt.after)
				}
			})
		})
	}
}

// A fleet's ACKs come fast now and then, and nobody is cut off for that.
func TestAHurryThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused string
		l := flooded(t, requests{}, &refused)
		for range 20 {
			for range 5000 {
				if err := l.RecvMsg(new(discoveryv3.DeltaDiscoveryRequest)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(3 * time.Second)
		}
	})
}

// arrive begins n streams at once and returns when the last was let in.
func arrive(t *testing.T, c *clients, n int, name func(i int) string) time.Duration {
	t.Helper()
	start, done := time.Now(), make(chan error)
	for i := range n {
		go func() { done <- c.admit(t.Context(), name(i)) }()
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}

func TestArrivalsAreSpreadOut(t *testing.T) {
	many := func(i int) string { return fmt.Sprint(i) }
	one := func(int) string { return "one" }
	for _, tt := range []struct {
		name string
		n    int
		of   func(int) string
		want time.Duration
	}{
		{"few", 250, many, 0},
		{"a fleet", 1000, many, 1500 * time.Millisecond},
		{"a fleet behind one address", 1000, one, 1500 * time.Millisecond},
		{"one that does not stop", 2000, one, 4 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := New(Options{}).clients
				if took := arrive(t, c, tt.n, tt.of); took < tt.want-time.Millisecond || took > tt.want+50*time.Millisecond {
					t.Errorf("%d streams began in %v, want %v", tt.n, took, tt.want)
				}
			})
		})
	}
}

// Who gives up while it waits takes nobody's turn.
func TestWhoGivesUpTakesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{}).clients
		arrive(t, c, 250, func(i int) string { return fmt.Sprint(i) })
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		done := make(chan error)
		for range 900 {
			go func() { done <- c.admit(ctx, "impatient") }()
		}
		synctest.Wait()
		cancel(gone)
		for range 900 {
			if err := <-done; err != nil && !errors.Is(err, gone) {
				t.Fatal(err)
			}
		}
		if took := arrive(t, c, 1, func(int) string { return "patient" }); took > 10*time.Millisecond {
			t.Errorf("the next stream began after %v, want at once", took)
		}
	})
}

func TestClientsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{}).clients
		if err := c.open("open"); err != nil {
			t.Fatal(err)
		}
		for i := range 10 * minSweep {
			name := fmt.Sprint(i)
			if err := errors.Join(c.open(name), c.admit(t.Context(), name)); err != nil {
				t.Fatal(err)
			}
			c.close(name)
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(c.by); n > 2*minSweep || c.by["open"] == nil {
			t.Errorf("%d clients are remembered, want the open one and at most %d others", n, 2*minSweep)
		}
	})
}
