package xds_test

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dragoman/xds"
)

// loopback returns the loopback addresses that this machine has.
func loopback(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, host := range []string{"127.0.0.1", "::1"} {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			l.Close()
			out = append(out, host)
		}
	}
	return out
}

func listen(t *testing.T, addr string) []*net.TCPAddr {
	t.Helper()
	ls, err := xds.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	var out []*net.TCPAddr
	for _, l := range ls {
		t.Cleanup(func() { l.Close() })
		out = append(out, l.Addr().(*net.TCPAddr))
	}
	return out
}

func TestListenOnEveryAddressOfLocalhost(t *testing.T) {
	for range 20 { // the port must be free on both addresses each time
		var got []string
		port := 0
		for _, a := range listen(t, "localhost:0") {
			got = append(got, a.IP.String())
			if port != 0 && a.Port != port {
				t.Fatalf("the ports %d and %d, want one", port, a.Port)
			}
			port = a.Port
		}
		if want := loopback(t); !slices.Equal(got, want) {
			t.Fatalf("Listen is on %q, want %q", got, want)
		}
	}
}

func TestListen(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0": "127.0.0.1",
		"0.0.0.0:0":   "0.0.0.0",
		":0":          "::",
	} {
		got := listen(t, addr)
		if len(got) != 1 || !got[0].IP.Equal(net.ParseIP(want)) {
			t.Errorf("Listen(%q) is on %v, want %s", addr, got, want)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	addr := "localhost:" + strconv.Itoa(listen(t, "localhost:0")[0].Port)
	_, err := xds.Listen(t.Context(), addr)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "listening on "+addr+": ") {
		t.Errorf("Listen on a taken port: %v", err)
	}
	for addr, want := range map[string]string{
		"localhost":         "missing port in address",
		"localhost:many":    "unknown port",
		"203.0.113.1:0":     "cannot assign requested address",
		"no.such.invalid:0": "no such host",
	} {
		if _, err := xds.Listen(t.Context(), addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q): %v, want %s", addr, err, want)
		}
	}
}

// One of the two addresses is taken: nothing may be left on the other.
func TestListenIsAllOrNothing(t *testing.T) {
	if len(loopback(t)) < 2 {
		t.Skip("this machine has one loopback address")
	}
	second, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	port := strconv.Itoa(second.Addr().(*net.TCPAddr).Port)
	if _, err := xds.Listen(t.Context(), "localhost:"+port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Listen: %v, want EADDRINUSE", err)
	}
	first, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatalf("127.0.0.1 is still taken: %v", err)
	}
	first.Close()
}
