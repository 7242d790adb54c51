package faults_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"dragoman/internal/envoytest"
)

// A load that counts no failure proves nothing. Here each seventh answer is
// wrong, in one of four ways, and each one of them is counted.
func TestTheLoadCountsFailures(t *testing.T) {
	t.Parallel()
	var seen, spoiled atomic.Int64
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := seen.Add(1)
		if n%7 != 0 {
			_, _ = w.Write([]byte("fine")) // the client is the test
			return
		}
		switch spoiled.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 1:
			_, _ = w.Write([]byte("fine, or nearly"))
		case 2:
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("fine")) // and the rest never comes
		case 3:
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
	})})
	l := begin(t, up.Addr, target{host: "web", check: says("fine")})
	envoytest.Eventually(t, patience, "100 bad answers", func() error {
		if n := spoiled.Load(); n < 100 {
			return errNotYet
		}
		return nil
	})
	l.stop()
	if got, want := l.failed(), int(spoiled.Load()); got != want {
		t.Errorf("%d failures were counted, want %d:\n%s", got, want, l.words())
	}
	if got, want := l.asked.Load(), seen.Load(); got != want || l.answered.Load() != want {
		t.Errorf("%d requests asked, %d answered, %d seen", got, l.answered.Load(), want)
	}
	if l.closed.Load() == 0 {
		t.Error("no kept connection was closed, though answers broke off")
	}
}

// A request that is in flight when the load ends is waited for, and counts.
func TestTheLoadCountsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	up := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		w.WriteHeader(http.StatusBadGateway)
	})})
	l := begin(t, up.Addr, target{host: "web", check: says("fine")})
	for range keepers + 1 {
		<-arrived
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.stop()
	}()
	<-l.stopping
	close(release)
	<-ended
	if got := l.failed(); got != keepers+1 {
		t.Errorf("%d failures, want %d: one for each client", got, keepers+1)
	}
}

// Nobody listens: each attempt is a failure.
func TestTheLoadCountsRefusedConnections(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	l := begin(t, free.Addr().String(), target{host: "web", check: says("fine")})
	envoytest.Eventually(t, 10*time.Second, "requests", func() error {
		if l.answered.Load() < 20 {
			return errNotYet
		}
		return nil
	})
	l.stop()
	if got, want := l.failed(), int(l.asked.Load()); got != want {
		t.Errorf("%d failures of %d requests, want all", got, want)
	}
}
