package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/topology"
)

// newOffsetsCommand is `mm2 offsets`, with the maps that it translates by.
func newOffsetsCommand(maps app.OffsetMaps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offsets",
		Short: "Translate positions of consumer groups between clusters",
		Long: `Offsets answers where a consumer group would go on on the other cluster. mm2 run
carries groups over by itself; this is for looking, for groups that are not
carried over, and for going home after a failover.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOffsetsTranslateCommand(maps))
	return cmd
}

// offsetsTranslateCommand is `mm2 offsets translate`: where a group would go on
// on the other cluster.
type offsetsTranslateCommand struct {
	file   string
	group  string
	topics []string
	output string
	maps   app.OffsetMaps
	opts   app.Options
}

func newOffsetsTranslateCommand(maps app.OffsetMaps) *cobra.Command {
	c := &offsetsTranslateCommand{maps: maps, opts: app.Options{Logger: slog.New(slog.DiscardHandler)}}
	cmd := &cobra.Command{
		Use:   "translate A->B --group GROUP -c FILE",
		Short: "Show where a group of A would go on on B",
		Long: `Translate reads the positions that GROUP has on A, and prints what they are on B:
for topics that A->B copies the position in the copy, and for copies that B->A
made of B's topics the position in the original, which is how a group goes home
after a failover. It changes nothing.

"exact" means that the group reads nothing again; "again" that it reads some
records again. It never skips one. "committed there" is where the group stands
on B now.

It exits 1 if some position has no translation, or the group has no positions.`,
		Example: `  mm2 offsets translate 'seoul->tokyo' --group billing -c mesh.toml
  mm2 offsets translate 'tokyo->seoul' --group billing -c mesh.toml -o json   # failback`,
		Args: exactlyOne("one direction like 'seoul->tokyo', in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "config", "c", "", "the mesh: a .toml or .properties file")
	f.StringVarP(&c.group, "group", "g", "", "the consumer group")
	f.StringArrayVarP(&c.topics, "topic", "t", nil, "only this topic, as it is called on A (repeatable)")
	f.StringVarP(&c.output, "output", "o", "text", "text or json")
	_ = cmd.MarkFlagRequired("config") // the flags exist
	_ = cmd.MarkFlagRequired("group")
	return cmd
}

func (c *offsetsTranslateCommand) run(ctx context.Context, arrow string, out io.Writer) error {
	id, ok := topology.ParseFlowID(arrow)
	if !ok {
		return usage(fmt.Errorf("%q is not a direction: write it like 'seoul->tokyo', in quotes", arrow))
	}
	write, ok := map[string]func(io.Writer, topology.FlowID, string, []app.TranslatedOffset) error{"text": printOffsetsText, "json": printOffsetsJSON}[c.output]
	if !ok {
		return usage(fmt.Errorf("output %q is not text or json", c.output))
	}
	cfg, err := config.Load(c.file)
	if err != nil {
		return usage(err)
	}
	offsets, err := app.TranslateOffsets(ctx, cfg, c.opts, id, c.group, c.maps)
	if err != nil {
		return err
	}
	if len(c.topics) > 0 {
		offsets = slices.DeleteFunc(offsets, func(o app.TranslatedOffset) bool { return !slices.Contains(c.topics, o.Topic) })
		if len(offsets) == 0 {
			return fmt.Errorf("group %q has no position on %s in topic %v", c.group, id.Source, c.topics)
		}
	}
	if err := write(out, id, c.group, offsets); err != nil {
		return err
	}
	return untranslated(offsets)
}

// untranslated is an error if there are positions without a translation.
func untranslated(offsets []app.TranslatedOffset) error {
	n := 0
	for _, o := range offsets {
		if !o.Translated {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d positions have no translation", n, len(offsets))
	}
	return nil
}

func printOffsetsJSON(out io.Writer, id topology.FlowID, group string, offsets []app.TranslatedOffset) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // flows are written A->B
	return enc.Encode(struct {
		From      topology.Alias         `json:"from"`
		To        topology.Alias         `json:"to"`
		Group     string                 `json:"group"`
		Positions []app.TranslatedOffset `json:"positions"`
	}{id.Source, id.Target, group, offsets})
}

func printOffsetsText(out io.Writer, id topology.FlowID, _ string, offsets []app.TranslatedOffset) error {
	tab := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "ON %s\tOFFSET\tON %s\tOFFSET\tHOW\tCOMMITTED THERE\n", id.Source, id.Target)
	for _, o := range offsets {
		from := o.Topic + "/" + strconv.Itoa(int(o.Partition))
		if !o.Translated {
			fmt.Fprintf(tab, "%s\t%d\t-\t-\tnone\t%s\n", from, o.Offset, o.Note)
			continue
		}
		how, committed := "again", "-"
		if o.Exact {
			how = "exact"
		}
		if o.Committed != nil {
			committed = strconv.FormatInt(*o.Committed, 10)
		}
		if o.Note != "" {
			committed += "  (" + o.Note + ")"
		}
		fmt.Fprintf(tab, "%s\t%d\t%s/%d\t%d\t%s\t%s\n", from, o.Offset, o.TargetTopic, o.TargetPartition, o.TargetOffset, how, committed)
	}
	return tab.Flush()
}
