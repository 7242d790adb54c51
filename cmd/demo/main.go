// Command demo shows Dragoman at work on one example: it starts the example's
// upstreams, `dragoman serve` on a copy of the directory, and an Envoy; says
// what to ask and which file to edit; and reports what an edit changed. It is
// driven by the environment, since make starts it:
//
//	ENVOY=PATH     the Envoy to run, else envoy on PATH
//	EXAMPLE=NAME   a directory of examples/, else quickstart
//	DEMO_ONCE=1    make one edit, show the new answer, and end with 0 or 1
//
// It leaves nothing behind: whatever it started ends with it, also when one of
// them dies or when whoever started the demonstration does.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const defaultExample = "quickstart"

// errInterrupted is how a demonstration ends that a person watches.
var errInterrupted = errors.New("interrupted")

// settings are what the environment says.
type settings struct {
	envoy   string
	example string
	once    bool
}

func main() {
	os.Exit(run(os.Stdout)) //nolint:forbidigo // this is main
}

func run(out io.Writer) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() { cancel(asked()) }()
	go func() { cancel(orphaned()) }()
	set, err := fromEnvironment()
	if err == nil {
		err = demonstrate(ctx, cancel, set, out)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted) && !set.once:
		fmt.Fprintln(out, "\nEverything has ended.")
		return 0
	default:
		fmt.Fprintf(out, "\ndemo: %v\n", err)
		return 1
	}
}

// asked returns when a signal asks for the end.
func asked() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	<-signals
	signal.Reset() // a second one kills
	return errInterrupted
}

// orphaned returns when whoever started the demonstration has gone: go run, or
// the terminal, may be killed without a word to us.
func orphaned() error {
	parent := os.Getppid()
	for range time.Tick(time.Second) {
		if os.Getppid() != parent {
			break
		}
	}
	return errInterrupted
}

func fromEnvironment() (settings, error) {
	s := settings{
		example: cmp.Or(os.Getenv("EXAMPLE"), defaultExample),
		once:    os.Getenv("DEMO_ONCE") == "1",
	}
	if s.once && s.example != defaultExample {
		return s, fmt.Errorf("DEMO_ONCE=1 edits %s; leave EXAMPLE out", defaultExample)
	}
	var err error
	if s.envoy, err = exec.LookPath(cmp.Or(os.Getenv("ENVOY"), "envoy")); err != nil {
		return s, fmt.Errorf("there is no Envoy (%w): run `make demo`, which finds one, or set ENVOY", err)
	}
	s.envoy, err = filepath.Abs(s.envoy)
	return s, err
}

// demonstrate does all of it, in a scratch directory.
func demonstrate(ctx context.Context, cancel context.CancelCauseFunc, set settings, out io.Writer) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "dragoman-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	s, err := newStage(root, scratch, set.example, out)
	if err != nil {
		return err
	}
	s.died = cancel
	defer s.stop()
	if err := s.start(ctx, set.envoy); err != nil {
		return s.why(ctx, err)
	}
	if set.once {
		return s.why(ctx, s.editOnce(ctx))
	}
	if err := s.invite(); err != nil {
		return err
	}
	return s.why(ctx, s.follow(ctx))
}

// moduleRoot is the directory of Dragoman's sources.
func moduleRoot(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("asking go where the module is: %w", err)
	}
	file := strings.TrimSpace(string(text))
	if filepath.Base(file) != "go.mod" {
		return "", errors.New("run this inside a checkout of Dragoman")
	}
	return filepath.Dir(file), nil
}
