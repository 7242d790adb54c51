package main

import (
	"fmt"
	"io"
	"os"

	"dragoman/bootstrap"
)

// checkBootstrap prints what is found in a file, one line each, that editors
// can jump from.
func checkBootstrap(path string, stdin io.Reader, stdout io.Writer) error {
	read, name := func() ([]byte, error) { return os.ReadFile(path) }, path
	if path == "-" {
		read, name = func() ([]byte, error) { return io.ReadAll(stdin) }, "<stdin>"
	}
	text, err := read()
	if err != nil {
		return err
	}
	found, err := bootstrap.Check(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, f := range found {
		fmt.Fprintf(stdout, "%s:%d:%d: %s\n", name, f.Line, f.Col, f.Msg)
	}
	if len(found) > 0 {
		return errFindings
	}
	return nil
}
