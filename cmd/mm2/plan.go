package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mm2/internal/config"
)

// planCommand is `mm2 plan`: what a file means.
type planCommand struct {
	file     string
	offline  bool
	output   string
	clusters []string
	timeout  time.Duration
}

func newPlanCommand() *cobra.Command {
	c := &planCommand{}
	cmd := &cobra.Command{
		Use:   "plan -c FILE",
		Short: "Show what running a mesh would change",
		Long: `Plan reads FILE, looks at its clusters, and prints for each flow what running it
would create or change: topics, partitions, configs, ACLs, topics of mm2 itself.
It changes nothing. It also says how the positions of groups would be followed,
and prints the rights that mm2 needs. Exit codes: 0 nothing would change, 2
something would, 1 it could not be found out, for whatever reason.

With --offline it connects to nothing and prints what FILE means: what each flow
copies, what the copies are called, how they are kept exact, and what deserves a
second look. A bad file prints everything that is wrong with it and exits 2.`,
		Example: `  mm2 plan -c mesh.toml
  mm2 plan -c mesh.toml --cluster tokyo -o json    # only the flows into tokyo
  mm2 plan --offline -c connect-mirror-maker.properties`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "config", "c", "", "the mesh: a .toml or .properties file")
	f.BoolVar(&c.offline, "offline", false, "look at the file only, not at the clusters")
	f.StringVarP(&c.output, "output", "o", "text", "text or json")
	f.StringArrayVar(&c.clusters, "cluster", nil, "plan only the flows into this cluster (repeatable)")
	f.DurationVar(&c.timeout, "timeout", time.Minute, "longest to wait for the answers of one flow's clusters")
	_ = cmd.MarkFlagRequired("config") // the flag exists
	return cmd
}

func (c *planCommand) run(ctx context.Context, out io.Writer) error {
	write, ok := map[string]func(io.Writer, plan) error{"text": printPlanText, "json": printPlanJSON}[c.output]
	if !ok {
		err := fmt.Errorf("output %q is not text or json", c.output)
		if c.offline {
			return usage(err)
		}
		return err
	}
	if !c.offline {
		live := planLive{file: c.file, clusters: c.clusters, output: c.output, timeout: c.timeout}
		return live.run(ctx, out)
	}
	if len(c.clusters) > 0 {
		return usage(errors.New("--cluster needs the clusters: leave out --offline"))
	}
	cfg, err := config.Load(c.file)
	if err != nil {
		return usage(err)
	}
	return write(out, newPlan(cfg))
}
