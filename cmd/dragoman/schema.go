package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dragoman/schema"
)

func newSchema() *cobra.Command {
	var field string
	cmd := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of a kind of document, or explain a field",
		Long: "Schema prints the JSON Schema (draft-07) of a kind of document, for editors and other tools. Without KIND it lists\n" +
			"the kinds. With --explain it prints the documentation of a field and the keys below it.",
		Example:   "  dragoman schema service > service.schema.json\n  dragoman schema --explain service.routes.retry",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: schema.Kinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case field != "" && len(args) > 0:
				return errors.New("--explain names its kind itself, as in service.routes: leave out " + args[0])
			case field != "":
				return explain(cmd.OutOrStdout(), field)
			case len(args) > 0:
				return printSchema(cmd.OutOrStdout(), args[0])
			}
			return listKinds(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&field, "explain", "", "print the documentation of a `FIELD`, such as service.routes.retry")
	return cmd
}

func explain(w io.Writer, field string) error {
	text, err := schema.Explain(field)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

func printSchema(w io.Writer, kind string) error {
	text, err := schema.Text(kind)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// listKinds prints a line for each kind, and to stderr what to do with them.
func listKinds(stdout, stderr io.Writer) error {
	for _, kind := range schema.Kinds() {
		text, err := schema.Text(kind)
		if err != nil {
			return err
		}
		var root struct{ Description string }
		if err := json.Unmarshal(text, &root); err != nil {
			return fmt.Errorf("schema of %s: %w", kind, err)
		}
		if _, err := fmt.Fprintf(stdout, "%-10s%s\n", kind, root.Description); err != nil {
			return err
		}
	}
	fmt.Fprintf(stderr, "\nNot supported yet: %s\nPrint one with: dragoman schema KIND\nExplain a field with: dragoman schema --explain service.routes\n",
		strings.Join(schema.Later(), ", "))
	return nil
}
