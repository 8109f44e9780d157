package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/topology"
)

// errWouldChange is how a live plan says that running the file would change
// something: exit code 2, and nothing to print.
var errWouldChange = errors.New("running this file would change something")

// planLive is `mm2 plan` without --offline: what running the file would change
// on the clusters. Every failure is exit code 1, for 2 means that something
// would change.
type planLive struct {
	file       string
	clusters   []string
	output     string
	timeout    time.Duration
	clientOpts []kgo.Opt // for tests
}

func (c *planLive) run(ctx context.Context, out io.Writer) error {
	cfg, err := config.Load(c.file)
	if err != nil {
		return err
	}
	return c.compare(ctx, cfg, out)
}

func (c *planLive) compare(ctx context.Context, cfg *config.Config, out io.Writer) error {
	opts := app.PlanOptions{ClientOpts: c.clientOpts, Timeout: c.timeout}
	for _, t := range c.clusters {
		opts.Targets = append(opts.Targets, topology.Alias(t))
	}
	report, err := app.Plan(ctx, cfg, opts)
	if len(report.Flows) > 0 {
		write := printLive
		if c.output == "json" {
			write = printLiveJSON
		}
		if werr := write(out, cfg, report); werr != nil {
			return werr
		}
	}
	switch {
	case err != nil:
		return err
	case report.Changes():
		return errWouldChange
	}
	return nil
}

func printLiveJSON(out io.Writer, _ *config.Config, r app.PlanReport) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// principal stands in the commands for whoever mm2 connects as.
const principal = "User:mm2"

// printLive writes for people: what would change first, rights last.
func printLive(out io.Writer, cfg *config.Config, r app.PlanReport) error {
	var b strings.Builder
	changes, failed := 0, 0
	for _, f := range r.Flows {
		changes += liveChanges(f)
		if f.Error != "" {
			failed++
		}
	}
	fmt.Fprintf(&b, "%s: %s in %s", r.File, countOrNo(changes, "change"), count(len(r.Flows)-failed, "flow"))
	if failed > 0 {
		fmt.Fprintf(&b, ", %s cannot be planned", count(failed, "flow"))
	}
	b.WriteByte('\n')
	for _, f := range r.Flows {
		printFlow(&b, cfg, f)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// liveChanges is what running the flow would change. What is known of a flow
// that cannot be planned is no plan.
func liveChanges(f app.FlowPlan) int {
	if f.Error != "" {
		return 0
	}
	n := len(f.Made())
	for _, t := range f.Internal {
		if !t.Exists {
			n++
		}
	}
	return n
}

func printFlow(b *strings.Builder, cfg *config.Config, f app.FlowPlan) {
	if f.Error != "" {
		fmt.Fprintf(b, "\n%s -> %s: cannot be planned\n  %s\n", f.Source, f.Target, strings.TrimPrefix(f.Error, "flow "+f.Flow+": "))
	} else {
		fmt.Fprintf(b, "\n%s -> %s: %s\n", f.Source, f.Target, countOrNo(liveChanges(f), "change"))
		printChanges(b, f)
		printStages(b, cfg, f.Flow)
	}
	list(b, "rights that mm2 needs, here as "+principal, func(add func(string)) {
		for _, r := range f.Rights {
			add(r.Command(cfg.Clusters[r.Cluster].Bootstrap[0], principal) + "  # " + strings.Join(r.For, ", "))
		}
	})
}

func printChanges(b *strings.Builder, f app.FlowPlan) {
	fmt.Fprintf(b, "  %s of %s copied\n", count(f.Topics, "topic"), f.Source)
	for _, t := range f.Internal {
		if !t.Exists {
			fmt.Fprintf(b, "  create internal topic %s on %s with %s and %s (%s)\n", t.Name, t.Cluster, count(t.Partitions, "partition"), replication(t.Replicas), t.For)
		}
	}
	made := make(map[string]bool)
	for _, c := range f.Made() {
		made[c.String()] = true
		fmt.Fprintf(b, "  %s\n", c)
	}
	list(b, "only reported (mode = \"report\")", func(add func(string)) {
		for _, c := range f.Plan.Changes {
			if !made[c.String()] {
				add(c.String())
			}
		}
	})
	list(b, "stays different", func(add func(string)) {
		for _, p := range f.Problems {
			if p.Harmless() {
				add(p.Text)
			}
		}
	})
	list(b, "problems", func(add func(string)) {
		for _, p := range f.Problems {
			if !p.Harmless() {
				add(p.Text)
			}
		}
	})
	if f.Groups != nil {
		fmt.Fprintf(b, "  groups are %s: %s\n", map[string]string{"tail": "tailed", "poll": "polled"}[f.Groups.Follow], f.Groups.Reason)
	}
}

// list writes a heading and what is under it, or nothing at all.
func list(b *strings.Builder, heading string, each func(add func(string))) {
	first := true
	each(func(line string) {
		if first {
			fmt.Fprintf(b, "  %s:\n", heading)
			first = false
		}
		fmt.Fprintf(b, "    %s\n", line)
	})
}

func countOrNo(n int, what string) string {
	if n == 0 {
		return "no " + what + "s"
	}
	return count(n, what)
}
