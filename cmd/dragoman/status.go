package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newStatus() *cobra.Command {
	var o operator
	output := oneOf{"text", []string{"text", "json"}}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print what a running server publishes, and which Envoys have it",
		Long: "Status asks a running server by its admin address for its Envoys and for what is wrong with files. It exits with 1 if\n" +
			"a file is held back or a connected Envoy does not have what is published.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answers [3]json.RawMessage
			for i, path := range []string{"/api/v1/status", "/api/v1/nodes", "/api/v1/problems"} {
				if err := o.ask(cmd.Context(), http.MethodGet, path, &answers[i], http.StatusOK); err != nil {
					return err
				}
			}
			return printStatus(cmd.OutOrStdout(), output.value, answers)
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().VarP(&output, "output", "o", "form of the result")
	return cmd
}

// printStatus prints the answers about status, nodes and problems.
func printStatus(w io.Writer, form string, answers [3]json.RawMessage) error {
	var s serverStatus
	var n serverNodes
	var p serverProblems
	for i, into := range []any{&s, &n, &p} {
		if err := json.Unmarshal(answers[i], into); err != nil {
			return fmt.Errorf("reading the server's answer: %w", err)
		}
	}
	show := func() error { return statusText(w, s, n.Nodes, p.Problems) }
	if form == "json" {
		show = func() error {
			return printJSON(w, map[string]json.RawMessage{"status": answers[0], "nodes": answers[1], "problems": answers[2]})
		}
	}
	if err := show(); err != nil {
		return err
	}
	if !s.settled() {
		return errFindings
	}
	return nil
}

func statusText(w io.Writer, s serverStatus, nodes []serverNode, problems []serverProblem) error {
	fmt.Fprintln(w, s)
	if s.Trouble != "" {
		fmt.Fprintln(w, "the directory cannot be read:", s.Trouble)
	}
	var refusals []string
	if len(nodes) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "\nNODE\tCLUSTER\tPEER\tSTATE\tSINCE")
		for _, n := range nodes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", n.ID, n.Cluster, n.Peer, n.state(), n.Since.UTC().Format(time.RFC3339))
			refusals = append(refusals, n.refusals()...)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(refusals)+len(problems) > 0 {
		fmt.Fprintln(w)
	}
	for _, line := range refusals {
		fmt.Fprintln(w, line)
	}
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
	return nil
}
