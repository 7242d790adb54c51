package xds

import (
	"errors"
	"syscall"
	"testing"
)

// A machine without one of the families serves on the other.
func TestListenAllPassesOverWhatIsNotHere(t *testing.T) {
	const elsewhere = "203.0.113.1" // of no machine
	for _, hosts := range [][]string{{"127.0.0.1", elsewhere}, {elsewhere, "127.0.0.1"}} {
		ls, err := listenAll(t.Context(), hosts, 0)
		if err != nil || len(ls) != 1 {
			t.Fatalf("listenAll(%q) = %v, %v, want one listener", hosts, ls, err)
		}
		ls[0].Close()
	}
	if _, err := listenAll(t.Context(), []string{elsewhere, "203.0.113.2"}, 0); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("listenAll on two addresses of others: %v, want EADDRNOTAVAIL", err)
	}
}
