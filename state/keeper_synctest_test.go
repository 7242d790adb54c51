package state_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dragoman/state"
)

// A book is a log that may be read while it is written.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// A failure is logged once and tried again until it is none, with what is
// newest then; nobody waits for it.
func TestAKeeperTriesAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	put("", "a file in its way")(t, path)
	synctest.Test(t, func(t *testing.T) {
		var log book
		k := state.NewKeeper(open(path, config), slog.New(slog.NewTextHandler(&log, nil)))
		done := make(chan error)
		go func() { done <- k.Run() }()
		for i := range 5 {
			k.Keep(files(map[string]string{"a.yaml": fmt.Sprint(i)}))
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n := strings.Count(log.String(), "cannot be written"); n != 1 {
			t.Errorf("the failure was logged %d times, want once:\n%s", n, log.String())
		}
		remove(".")(t, path)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantRead(t, path, map[string]string{"a.yaml": "4"}, "")
		if !strings.Contains(log.String(), "is written again") {
			t.Errorf("the log does not say that it is well again:\n%s", log.String())
		}
		k.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What is handed over last is written before the keeper ends.
func TestAKeeperFinishes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	k := state.NewKeeper(open(path, config), slog.New(slog.DiscardHandler))
	for i := range 5 {
		k.Keep(files(map[string]string{"a.yaml": fmt.Sprint(i)}))
	}
	k.Close()
	if err := k.Run(); err != nil {
		t.Fatal(err)
	}
	wantRead(t, path, map[string]string{"a.yaml": "4"}, "")
}
