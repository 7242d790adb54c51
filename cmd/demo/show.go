package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// invite says what to open and what to edit.
func (s *stage) invite() error {
	files, err := s.files()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, `
Envoy is at      http://localhost:%d/
its admin is at  http://127.0.0.1:%d/
Dragoman's is at http://localhost:%d/
upstreams are at %s
logs are in      %s

Ask:   curl -i localhost:%d/
Edit:  %s
End:   Ctrl-C

`, s.listener, s.admin, s.status, cmp.Or(strings.Join(s.upstreams.addrs, ", "), "not needed: it answers by itself"), s.scratch, s.listener, strings.Join(files, "\n       "))
	return nil
}

// follow reports each new answer until ctx ends. Of other examples than the
// first it knows no request that says much; their READMEs do.
func (s *stage) follow(ctx context.Context) error {
	if s.example != defaultExample {
		fmt.Fprintf(s.out, "What to ask, and what answers, is in examples/%s/README.md.\n\n", s.example)
		<-ctx.Done()
		return ctx.Err()
	}
	var last string
	for {
		got, err := s.await(ctx, "Envoy does not answer", func(a answer) bool { return a.String() != last })
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && last != "" && got.String() == last:
			continue // no edit in a while
		case err != nil:
			return err
		}
		last = got.String()
		fmt.Fprintf(s.out, "%s  GET / is answered:\n%s\n", time.Now().Format(time.TimeOnly), last)
	}
}

// editOnce makes the edit that the quickstart suggests and waits for what it
// should change.
func (s *stage) editOnce(ctx context.Context) error {
	if len(s.upstreams.addrs) != 2 {
		return errors.New("the quickstart should name two upstreams")
	}
	from, to := s.upstreams.addrs[0], s.upstreams.addrs[1]
	before, err := s.await(ctx, from+" does not answer", answeredBy(from))
	if err != nil {
		return err
	}
	file := filepath.Join(s.config, "hello.yaml")
	fmt.Fprintf(s.out, "\n$ curl -i localhost:%d/\n%s\n\n", s.listener, before)
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := bytes.Replace(old, []byte("\nupstream: http://"+from), []byte("\nupstream: http://"+to), 1)
	if bytes.Equal(text, old) {
		return fmt.Errorf("%s does not send to %s", file, from)
	}
	fmt.Fprintf(s.out, "Writing \"upstream: http://%s\" into %s\n", to, file)
	start := time.Now()
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	after, err := s.await(ctx, "the edit changes nothing", answeredBy(to))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n$ curl -i localhost:%d/    # %v later\n%s\n", s.listener, time.Since(start).Round(time.Millisecond), after)
	return nil
}

// answeredBy tells the answers of one upstream.
func answeredBy(addr string) func(answer) bool {
	_, port, _ := strings.Cut(addr, ":")
	return func(a answer) bool { return strings.HasPrefix(a.body, "upstream "+port+":") }
}

// news passes on the lines of Dragoman's log that a person at the keyboard
// waits for: that an edit was taken, or what is wrong with it.
type news struct {
	out  io.Writer
	rest []byte // a line that has not ended yet
}

// Write never fails: the log is in a file as well.
func (n *news) Write(p []byte) (int, error) {
	n.rest = append(n.rest, p...)
	for {
		line, rest, ok := bytes.Cut(n.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		n.rest = rest
		_, text, _ := strings.Cut(string(line), " ") // without the time
		switch {
		case strings.Contains(text, `msg="version published"`):
			fmt.Fprintln(n.out, "Dragoman has published a new version.")
		case strings.HasPrefix(text, "level=WARN"), strings.HasPrefix(text, "level=ERROR"):
			fmt.Fprintln(n.out, "Dragoman says:", text)
		}
	}
}
