package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// streams are what a command reads and writes. Results go to out, everything
// else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// The exit codes, the same for every command.
const (
	exitOK       = 0
	exitFindings = 1 // the configuration is wrong, or there are differences
	exitFailed   = 2 // the job could not be done: usage, files, network
)

// errFindings ends a command that has done its job and found something. What
// it found is printed already.
var errFindings = errors.New("findings")

// run is the whole program but for os.Exit.
func run(ctx context.Context, args []string, std streams) int {
	cmd := newRoot(std)
	cmd.SetArgs(args)
	switch err := cmd.ExecuteContext(ctx); {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	default:
		fmt.Fprintf(std.err, "dragoman: %v\n", err)
		return exitFailed
	}
}

func newRoot(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dragoman",
		Short: "A control plane for Envoy that reads a directory of YAML",
		Long: "Dragoman watches a directory of YAML service definitions and serves every valid change to Envoy over xDS.\nEvery flag can also be set as an environment variable: --log-level as DRAGOMAN_LOG_LEVEL.\n" +
			"It exits with 0 when all is well, 1 when it has found something wrong, and 2 when it could not do its job.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags())
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	cmd.SetIn(std.in)
	cmd.SetOut(std.out)
	cmd.SetErr(std.err)
	cmd.AddCommand(newServe(), newValidate(), newRender(), newBootstrap(), newSchema(), newInit(), newStatus(), newWait(), newVersion())
	for _, sub := range cmd.Commands() {
		sub.Flags().VisitAll(func(f *pflag.Flag) { completeChoices(sub, f) })
	}
	return cmd
}

// completeChoices lets a shell complete a flag that takes one of a few words.
func completeChoices(cmd *cobra.Command, f *pflag.Flag) {
	o, ok := f.Value.(*oneOf)
	if !ok {
		return
	}
	if err := cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(o.choices, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag has one already
	}
}

// oneArg is for commands that take one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one %s, got %d; see %s --help", cmd.Name(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

// flagsFromEnvironment sets the flags that the command line does not give
// from DRAGOMAN_FLAG_NAME.
func flagsFromEnvironment(flags *pflag.FlagSet) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "DRAGOMAN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed || f.Name == "help" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// oneOf is a flag that takes one of a few words.
type oneOf struct {
	value   string
	choices []string
}

func (o *oneOf) String() string { return o.value }
func (o *oneOf) Type() string   { return strings.Join(o.choices, "|") }

// Set refuses what is not a choice, and says what is.
func (o *oneOf) Set(s string) error {
	if !slices.Contains(o.choices, s) {
		return fmt.Errorf("it takes one of %s", strings.Join(o.choices, ", "))
	}
	o.value = s
	return nil
}
