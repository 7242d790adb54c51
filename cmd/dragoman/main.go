// Command dragoman is a control plane for Envoy: it serves a directory of
// YAML service definitions over xDS, and checks and shows it offline. This
// package is flags, wiring and exit codes; what is done is done elsewhere.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})) //nolint:forbidigo // this is main
}
