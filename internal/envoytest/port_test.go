package envoytest_test

import (
	"fmt"
	"net"
	"testing"

	"dragoman/internal/envoytest"
)

func TestFreePortIsNotGivenTwice(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port := envoytest.FreePort(t)
		if seen[port] {
			t.Fatalf("FreePort() = %d for the second time", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("FreePort() = %d: %v", port, err)
		}
		l.Close()
	}
}
