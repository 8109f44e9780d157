package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mm2/internal/config"
)

// planCommand is `mm2 plan`: what a file means.
type planCommand struct {
	file    string
	offline bool
	output  string
}

func newPlanCommand() *cobra.Command {
	c := &planCommand{}
	cmd := &cobra.Command{
		Use:   "plan -c FILE --offline",
		Short: "Show what a mesh would copy",
		Long: `Plan reads FILE and prints its flows: what each copies, what the copies are
called, how they are kept exact, and what deserves a second look. It connects
to nothing. A bad file prints everything that is wrong with it and exits 2.`,
		Example: `  mm2 plan --offline -c mesh.toml
  mm2 plan --offline -c connect-mirror-maker.properties -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "config", "c", "", "the mesh: a .toml or .properties file")
	f.BoolVar(&c.offline, "offline", false, "look at the file only, not at the clusters")
	f.StringVarP(&c.output, "output", "o", "text", "text or json")
	_ = cmd.MarkFlagRequired("config") // the flag exists
	return cmd
}

func (c *planCommand) run(out io.Writer) error {
	if !c.offline {
		return usage(errors.New("comparing with live clusters is not part of this version: add --offline to see what the file means"))
	}
	write, ok := map[string]func(io.Writer, plan) error{"text": printPlanText, "json": printPlanJSON}[c.output]
	if !ok {
		return usage(fmt.Errorf("output %q is not text or json", c.output))
	}
	cfg, err := config.Load(c.file)
	if err != nil {
		return usage(err)
	}
	return write(out, newPlan(cfg))
}
