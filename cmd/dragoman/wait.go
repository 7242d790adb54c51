package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// waitPace is how often wait asks.
const waitPace = 100 * time.Millisecond

func newWait() *cobra.Command {
	var o operator
	var timeout time.Duration
	var version string
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until every connected Envoy has the files as they are now",
		Long: "Wait has a running server look at its files at once, and waits until every connected Envoy has accepted what they say.\n" +
			"It exits with 1 if a file is held back, and if the time is over. With --version it does not look: it waits until that version\n" +
			"is published, if it is not yet, and every connected Envoy has it or what was published after it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return errors.New("--timeout must be above 0")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if version != "" {
				return o.waitFor(ctx, version, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return o.wait(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&version, "version", "", "wait for this version, as status and render print it, whatever the files are now")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait at most")
	return cmd
}

func (o *operator) wait(ctx context.Context, stdout, stderr io.Writer) error {
	// 503 is a publication that failed, which is tried again, in part.
	var look struct{ Report serverProblems }
	err := o.ask(ctx, http.MethodPost, "/api/v1/reload", &look, http.StatusOK, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	var s serverStatus
	for err == nil {
		if err = o.ask(ctx, http.MethodGet, "/api/v1/status", &s, http.StatusOK); err != nil {
			break
		}
		switch {
		case s.settled():
			_, err := fmt.Fprintln(stdout, s)
			return err
		case s.Trouble != "" || len(s.Files.Held) > 0:
			return heldBack(stderr, s, look.Report.Problems)
		}
		pause(ctx)
	}
	return s.late(err, stderr)
}

// waitFor waits for a version. What is in sync has the one that serves, which
// is not older than any that was published.
func (o *operator) waitFor(ctx context.Context, version string, stdout, stderr io.Writer) error {
	var s serverStatus
	for {
		var all serverVersions
		err := o.ask(ctx, http.MethodGet, "/api/v1/versions", &all, http.StatusOK)
		if err == nil {
			err = o.ask(ctx, http.MethodGet, "/api/v1/status", &s, http.StatusOK)
		}
		switch {
		case err != nil:
			return s.late(err, stderr)
		case all.published(version) && s.Envoys.InSync == s.Envoys.Connected:
			_, err := fmt.Fprintln(stdout, s)
			return err
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(waitPace):
	}
}

// late says how far it came if that is why there is an error.
func (s serverStatus) late(err error, stderr io.Writer) error {
	if errors.Is(err, context.DeadlineExceeded) && s.Directory != "" { // else nobody has answered
		fmt.Fprintln(stderr, "the time is over:", s)
		return errFindings
	}
	return err
}

// heldBack says why the files will not be everywhere.
func heldBack(stderr io.Writer, s serverStatus, problems []serverProblem) error {
	if s.Trouble != "" {
		fmt.Fprintln(stderr, "the directory cannot be read:", s.Trouble)
	}
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	fmt.Fprintln(stderr, s)
	return errFindings
}
