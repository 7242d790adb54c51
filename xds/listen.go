package xds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// portTries is how often Listen chooses a port anew when the one that was free
// on the first address is taken on another.
const portTries = 20

// Listen listens on every address of the host in addr, all on one port, also
// where the port is 0 and the system chooses it. Without a host it listens on
// every address of the machine.
//
// One address of localhost would not do: where it has both families, Envoy
// dials ::1 alone, and many another client 127.0.0.1. A machine without IPv6
// gets the one that it has.
func Listen(ctx context.Context, addr string) ([]net.Listener, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", addr, err)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	hosts, err := addresses(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	for range portTries {
		ls, err := listenAll(ctx, hosts, port)
		if err == nil {
			return ls, nil
		}
		if port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listening on %s: %w", addr, err)
		}
	}
	return nil, fmt.Errorf("listening on %s: no port is free on all of %q", addr, hosts)
}

// addresses returns what a host name means here. Localhost means both
// loopback addresses whatever the hosts file says, as it does to Envoy.
func addresses(ctx context.Context, host string) ([]string, error) {
	switch host {
	case "":
		return []string{""}, nil
	case "localhost":
		return []string{"127.0.0.1", "::1"}, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	var out []string
	for _, ip := range slices.Compact(found) {
		out = append(out, ip.String())
	}
	return out, nil
}

// listenAll listens on all hosts or on none. Port 0 is one port for all.
func listenAll(ctx context.Context, hosts []string, port int) (ls []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range ls {
				l.Close()
			}
		}
	}()
	var missing error
	for _, host := range hosts {
		l, err := new(net.ListenConfig).Listen(ctx, network(host), net.JoinHostPort(host, strconv.Itoa(port)))
		if noSuchAddress(err) && len(hosts) > 1 {
			missing = err
			continue
		}
		if err != nil {
			return ls, err
		}
		ls = append(ls, l)
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			port = tcp.Port
		}
	}
	if len(ls) == 0 {
		return nil, missing
	}
	return ls, nil
}

// network keeps 0.0.0.0 from meaning IPv6 too, as it does to net by "tcp".
func network(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "tcp4"
	}
	return "tcp"
}

// noSuchAddress tells the address of a family that this machine does not have.
func noSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
