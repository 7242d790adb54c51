package xds_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"dragoman/internal/envoytest"
	"dragoman/xds"
)

// secured is a server that asks for certificates of ca. Its own can be replaced.
func secured(t *testing.T, ca *envoytest.CA, o xds.Options) (s *running, show func(tls.Certificate)) {
	t.Helper()
	var config atomic.Pointer[tls.Config]
	show = func(c tls.Certificate) {
		config.Store(&tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{c},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		})
	}
	show(ca.Issue(t, "127.0.0.1"))
	o.TLS = config.Load
	return runWith(t, 0, o), show
}

// as is how a client with these certificates connects.
func as(ca *envoytest.CA, certs ...tls.Certificate) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), Certificates: certs})
}

func TestBadClientsAreRefused(t *testing.T) {
	ca := envoytest.NewCA(t)
	hour := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name  string
		creds credentials.TransportCredentials
		want  string // in the server's log
	}{
		{"no certificate", as(ca), "client didn't provide a certificate"},
		{"another authority", as(ca, envoytest.NewCA(t).Issue(t, "envoy")), "certificate signed by unknown authority"},
		{"expired", as(ca, ca.IssueBetween(t, hour.Add(-time.Hour), hour, "envoy")), "certificate has expired"},
		{"plain text", insecure.NewCredentials(), "first record does not look like a TLS handshake"},
		{
			"TLS 1.1",
			credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}),
			"unsupported versions",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := secured(t, ca, xds.Options{})
			s.publish(some(t, "a"))
			good := dialADS(t, s.connect(as(ca, ca.Issue(t, "envoy"))), true)
			good.ask(resourcev3.ClusterType)
			good.take(good.want(resourcev3.ClusterType, "a"))

			stream, err := s.connect(tt.creds).NewStream(t.Context(), &bothWays, ads+"DeltaAggregatedResources")
			if err == nil {
				err = stream.RecvMsg(nil)
			}
			if err == nil {
				t.Error("a stream was opened")
			}
			refused := s.log.wait(t, "connection refused", 1)[0]
			words, _ := refused["error"].(string)
			if peer, _ := refused["peer"].(string); refused["level"] != "WARN" || !strings.Contains(words, tt.want) || !strings.HasPrefix(peer, "127.0.0.1:") {
				t.Errorf("the log has %v, want a warning with the peer and %q", refused, tt.want)
			}

			s.publish(some(t, "a", "b"))
			good.take(good.want(resourcev3.ClusterType, "b"))
		})
	}
}

// However many there are, the log has some of them and the count of all.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	s, _ := secured(t, envoytest.NewCA(t), xds.Options{})
	for range 100 {
		conn := connection(t, s)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\n\r\n")
		ended(t, conn)
	}
	if n := len(s.log.entries(t, "connection refused")); n < 10 || n > 40 {
		t.Errorf("the log has %d lines of 100 refusals, want about 10", n)
	}
}

func TestASilentClientIsCutOff(t *testing.T) {
	s, _ := secured(t, envoytest.NewCA(t), xds.Options{HandshakeTimeout: 50 * time.Millisecond})
	ended(t, connection(t, s))
	s.log.wait(t, "connection refused", 1)
}

func TestWhoOnlyKnocksIsNoNews(t *testing.T) {
	ca := envoytest.NewCA(t)
	s, _ := secured(t, ca, xds.Options{})
	connection(t, s).Close()
	bad := connection(t, s)
	fmt.Fprint(bad, "GET / HTTP/1.1\r\n\r\n")
	if all := s.log.wait(t, "connection refused", 1); len(all) != 1 || all[0]["refusals"] != 1.0 {
		t.Errorf("the log has %v, want only who said something", all)
	}
}

// What is open goes on; what is new sees the new certificate.
func TestACertificateIsReplacedUnderAStream(t *testing.T) {
	ca := envoytest.NewCA(t)
	s, show := secured(t, ca, xds.Options{})
	s.publish(some(t, "a"))
	envoy := as(ca, ca.Issue(t, "envoy"))
	old := dialADS(t, s.connect(envoy), true)
	old.ask(resourcev3.ClusterType)
	old.take(old.want(resourcev3.ClusterType, "a"))

	other := envoytest.NewCA(t)
	show(other.Issue(t, "127.0.0.1"))
	strict := credentials.NewTLS(&tls.Config{RootCAs: other.Pool(), Certificates: []tls.Certificate{ca.Issue(t, "envoy")}})
	fresh := dialADS(t, s.connect(strict), true)
	fresh.ask(resourcev3.ClusterType)
	fresh.take(fresh.want(resourcev3.ClusterType, "a"))
	_, err := s.connect(envoy).NewStream(t.Context(), &bothWays, ads+"DeltaAggregatedResources")
	if code := status.Code(err); code != codes.Unavailable {
		t.Errorf("who trusts the old certificate alone gets %v, want Unavailable", err)
	}

	s.publish(some(t, "a", "b"))
	for _, x := range []*client{old, fresh} {
		x.take(x.want(resourcev3.ClusterType, "b"))
	}
}

// connection is one on which nothing has been said.
func connection(t *testing.T, s *running) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", s.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ended waits until the server closes a connection.
func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, 64); ; {
		_, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the connection is still open")
		}
		if err != nil {
			return
		}
	}
}
