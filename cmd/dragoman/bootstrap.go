package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"text/template"

	"github.com/spf13/cobra"
)

// A bootstrapCommand is what the flags of bootstrap say.
type bootstrapCommand struct {
	nodeID, nodeCluster string
	xds, admin          string
	sotw                bool
	tls                 tlsValues
}

func newBootstrap() *cobra.Command {
	var b bootstrapCommand
	var check string
	cmd := &cobra.Command{
		Use:   "bootstrap",
		Short: "Print an Envoy bootstrap for this server",
		Long: "Bootstrap prints what an Envoy needs to be told to get all else from `dragoman serve`: envoy -c takes it as it is.\n" +
			"Any number of Envoys may use one bootstrap; envoy --service-node NAME gives each a name of its own.\n" +
			"With --check it prints nothing of the kind, and names the usual mistakes in a bootstrap that there is.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check != "" {
				return checkBootstrap(check, cmd.InOrStdin(), cmd.OutOrStdout())
			}
			return b.run(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.nodeID, "node-id", "envoy", "the Envoy's name; several may share it")
	f.StringVar(&b.nodeCluster, "node-cluster", "dragoman", "the name of the Envoys that do the same work")
	f.StringVar(&b.xds, "xds", "localhost:18000", "the server's HOST:PORT, as the Envoy reaches it")
	f.BoolVar(&b.sotw, "sotw", false, "the older form of xDS, which sends all of a type on each change")
	f.StringVar(&check, "check", "", "name the usual mistakes in the Envoy bootstrap in this file, or on standard input (-), instead")
	f.StringVar(&b.tls.CA, "tls-ca", "", "speak TLS to the server, whose certificate is of an authority in this file on the Envoy's host")
	f.StringVar(&b.tls.Name, "tls-server-name", "", "name, IP address or URI that the server's certificate must have (default the host of --xds)")
	f.StringVar(&b.tls.Cert, "tls-cert", "", "file on the Envoy's host with the certificate that it shows to the server")
	f.StringVar(&b.tls.Key, "tls-key", "", "file on the Envoy's host with the private key of --tls-cert")
	f.StringVar(&b.admin, "envoy-admin", "127.0.0.1:9901", "IP:PORT of the Envoy's admin endpoint, or off")
	return cmd
}

// bootstrapValues fill in bootstrapTemplate.
type bootstrapValues struct {
	NodeID, NodeCluster string
	Delta               bool
	DNS                 bool // the server's host is a name
	Host                string
	Port                int
	Admin               bool
	AdminHost           string
	AdminPort           int
	TLS                 *tlsValues // nil for plain text
}

func (b *bootstrapCommand) run(stdout, stderr io.Writer) error {
	if b.nodeID == "" || b.nodeCluster == "" {
		return errors.New("an Envoy without a name or a cluster does not start: --node-id and --node-cluster must not be empty")
	}
	v := bootstrapValues{NodeID: b.nodeID, NodeCluster: b.nodeCluster, Delta: !b.sotw}
	if err := v.server(b.xds); err != nil {
		return fmt.Errorf("--xds %q: %w", b.xds, err)
	}
	if err := v.secure(b.tls); err != nil {
		return err
	}
	if b.admin != "off" {
		if err := v.adminEndpoint(b.admin); err != nil {
			return fmt.Errorf("--envoy-admin %q: %w", b.admin, err)
		}
		if !netip.MustParseAddr(v.AdminHost).IsLoopback() {
			fmt.Fprintf(stderr, "warning: whoever reaches %s can stop this Envoy and read its configuration\n", b.admin)
		}
	}
	return template.Must(template.New("bootstrap").Parse(bootstrapTemplate)).Execute(stdout, v)
}

// server fills in where the control plane is. Envoy resolves names, and names
// alone: an address as STRICT_DNS would be asked of a DNS server.
func (v *bootstrapValues) server(addr string) error {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return err
	}
	if port == 0 {
		return errors.New("an Envoy cannot connect to port 0")
	}
	_, err = netip.ParseAddr(host)
	v.Host, v.Port, v.DNS = host, port, err != nil
	if v.DNS && !regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$`).MatchString(host) {
		return fmt.Errorf("%q is neither a name nor an IP address", host)
	}
	return nil
}

// adminEndpoint fills in the admin endpoint. Port 0 is any that is free.
func (v *bootstrapValues) adminEndpoint(addr string) error {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return errors.New("no name is looked up here: write an IP address, such as 127.0.0.1")
	}
	v.Admin, v.AdminHost, v.AdminPort = true, host, port
	return nil
}

func splitHostPort(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, errors.New("it takes HOST:PORT, such as localhost:18000 or [::1]:18000")
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not a port", text)
	}
	return host, int(number), nil
}
