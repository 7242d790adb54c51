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
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until every connected Envoy has the files as they are now",
		Long: "Wait has a running server look at its files at once, and waits until every connected Envoy has accepted what they say.\n" +
			"It exits with 1 if a file is held back, and if the time is over.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return errors.New("--timeout must be above 0")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return o.wait(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(cmd.Flags())
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
		select {
		case <-ctx.Done():
		case <-time.After(waitPace):
		}
	}
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
