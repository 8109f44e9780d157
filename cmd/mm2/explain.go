package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mm2/internal/config"
)

// explainCommand is `mm2 explain`: which line decided what.
type explainCommand struct {
	file string
}

func newExplainCommand() *cobra.Command {
	c := &explainCommand{}
	cmd := &cobra.Command{
		Use:   "explain -c FILE [FLOW...]",
		Short: "Show every setting and the line that decided it",
		Long: `Explain reads FILE and prints every setting of every flow, or of the named
ones: the line of the file or the default that decided it, and its value. It
connects to nothing. A bad file prints everything that is wrong with it and
exits 2.`,
		Example: `  mm2 explain -c mesh.toml
  mm2 explain -c connect-mirror-maker.properties 'A->B' | grep groups`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.OutOrStdout(), args) },
	}
	cmd.Flags().StringVarP(&c.file, "config", "c", "", "the mesh: a .toml or .properties file")
	_ = cmd.MarkFlagRequired("config") // the flag exists
	return cmd
}

func (c *explainCommand) run(out io.Writer, wanted []string) error {
	flows, err := config.Explain(c.file)
	if err != nil {
		return usage(err)
	}
	known := make([]string, len(flows))
	for i, f := range flows {
		known[i] = f.ID.String()
	}
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return usage(fmt.Errorf("%s has no flow %q: it has %s", c.file, name, strings.Join(known, ", ")))
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	first := true
	for _, f := range flows {
		if len(wanted) > 0 && !slices.Contains(wanted, f.ID.String()) {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		fmt.Fprintf(w, "%s -> %s\n", f.ID.Source, f.ID.Target)
		for _, s := range f.Settings {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Key, s.Origin, s.Value) // values can be long
		}
	}
	return w.Flush()
}
