package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dragoman/diag"
)

func newValidate() *cobra.Command {
	var strict bool
	var against string
	var one nodeFlag
	var o loading
	output := oneOf{"text", []string{"text", "json", "github"}}
	cmd := &cobra.Command{
		Use:   "validate [PATH... | -]",
		Short: "Check files and directories as serve would read them",
		Long: "Validate checks directories, files, or standard input (-) as one configuration, with the code that serve uses:\n" +
			"every file, what spans them, and the translation for Envoy. Without a path it checks the current directory.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			node, err := one.node()
			if err != nil {
				return err
			}
			res, err := o.load(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			res.seenFrom(node)
			if err := res.comparedTo(against, o); err != nil {
				return err
			}
			if err := printProblems(cmd.OutOrStdout(), output.value, res.problems); err != nil {
				return err
			}
			if output.value == "text" {
				fmt.Fprintln(cmd.ErrOrStderr(), res.summary())
			}
			if res.problems.HasErrors() || strict && len(res.problems) > 0 {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "form of the result")
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings count as errors")
	cmd.Flags().StringVar(&against, "against", "", "also warn of what a change from this `DIR` does to open connections")
	one.flags(cmd.Flags(), "also check what comes together in")
	o.flags(cmd.Flags())
	return cmd
}

func printProblems(w io.Writer, form string, ps diag.Problems) error {
	switch form {
	case "json":
		return diag.JSON(w, ps)
	case "github":
		return diag.GitHub(w, ps)
	}
	return diag.Text(w, ps, colored(w))
}

// colored says whether to colour what goes to w: a terminal, unless NO_COLOR
// is set (https://no-color.org).
func colored(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
