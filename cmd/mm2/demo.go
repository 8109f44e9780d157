package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"mm2/internal/demo"
)

// demoCommand is `mm2 demo`: replication without any Kafka.
type demoCommand struct {
	duration time.Duration
	rate     float64
	keep     bool
	seed     uint64
	listen   string
}

func newDemoCommand() *cobra.Command {
	c := &demoCommand{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show replication between two embedded clusters",
		Long: `Demo starts two clusters inside this process, writes orders at both ends and
lets the real service copy them both ways. Then it leaves a consumer group
halfway at each end, has it carried over, and checks that every order arrived
exactly once, in order and unchanged, and that the group would go on at the same
record. The last line and the exit code are the result. No Kafka is needed; nothing is left behind.

The clusters are fakes that keep everything in memory: what you see is how mm2
behaves, not how fast it is.`,
		Example: `  mm2 demo
  mm2 demo --duration 1m --rate 1000
  mm2 demo --keep     # stay up, so that kcat or a browser can look`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.DurationVar(&c.duration, "duration", 15*time.Second, "how long orders are written")
	f.Float64Var(&c.rate, "rate", 200, "orders a second at each end")
	f.BoolVar(&c.keep, "keep", false, "stay up after the check until Ctrl-C and tell where to look")
	f.Uint64Var(&c.seed, "seed", 1, "what the orders contain: the same seed writes the same orders")
	f.StringVar(&c.listen, "listen", "127.0.0.1:0", `HTTP address of the service, port 0 for a free one; "off" for none`)
	return cmd
}

// run ends the writing at the first signal and checks what was written until
// then; the second signal ends at once.
func (c *demoCommand) run(ctx context.Context, out io.Writer) error {
	if c.duration <= 0 || c.rate <= 0 {
		return usage(fmt.Errorf("--duration %s and --rate %g must be positive", c.duration, c.rate))
	}
	ctx, stop := untilSignal(ctx, slog.New(slog.DiscardHandler))
	defer stop()
	return demo.Run(ctx, demo.Config{
		Duration: c.duration, Rate: c.rate, Keep: c.keep, Seed: c.seed, Listen: c.listen,
		Out: out, Terminal: isTerminal(out),
	})
}

// isTerminal tells whether out shows what is written to a person rather than to
// a file or a pipe.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
