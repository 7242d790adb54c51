package faults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A DNS server never answers. Who waits for a name of it waits alone: others'
// new services serve in bounded time.
func TestADNSServerIsSilent(t *testing.T) {
	t.Parallel()
	for form := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			server := silentDNS(t)
			w := create(t, options{form: form, envoyUnder: server.under(t)})
			l := w.load(t)
			rounds := pick(2, 10)
			var took []time.Duration
			for i := 1; i <= rounds; i++ {
				w.write(t, fmt.Sprintf("deaf%d.yaml", i), fmt.Sprintf("service: deaf%d\nhosts: [deaf%d.example.com]\nupstream: [http://a%d.test, http://b%d.test]\n", i, i, i, i))
				guest := fmt.Sprint("guest", i)
				w.write(t, guest+".yaml", w.service(guest, i))
				took = append(took, serves(t, w.address(), guest, i))
				w.edit(t, i)
				took = append(took, w.sees(t, i))
			}
			if server.asked.Load() == 0 {
				t.Error("Envoy did not ask the silent server")
			}
			for _, d := range took {
				if d > 15*time.Second {
					t.Errorf("another's edit took %v", d)
				}
			}
			over(t, l, "a silent DNS server, "+form, figure("clusters that wait", rounds), figure("queries", int(server.asked.Load())), slowest("others' edits within", took))
		})
	}
}

// A silent DNS server counts who asks.
type silent struct {
	address string
	asked   atomic.Int64
}

// silentDNS listens on a loopback address of its own, at the one port that
// resolv.conf can name.
func silentDNS(t *testing.T) *silent {
	t.Helper()
	s := &silent{}
	var conn net.PacketConn
	for range 100 {
		s.address = fmt.Sprintf("127.53.%d.%d", rand.IntN(256), 1+rand.IntN(254))
		c, err := net.ListenPacket("udp", s.address+":53")
		if errors.Is(err, os.ErrPermission) {
			t.Skip("no right to listen on port 53")
		}
		if err == nil {
			conn = c
			break
		}
	}
	if conn == nil {
		t.Fatal("no loopback address with a free port 53")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
			s.asked.Add(1)
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return s
}

// under runs a command for which this is the only DNS server.
func (s *silent) under(t *testing.T) []string {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver "+s.address+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	under := []string{"unshare", "--mount", "sh", "-c", "mount --bind " + conf + ` /etc/resolv.conf && exec "$@"`, "sh"}
	if out, err := exec.Command(under[0], append(under[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no right to a mount namespace: %v %s", err, out)
	}
	return under
}
