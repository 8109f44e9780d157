package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/checkpoint"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// OffsetMaps opens the offset map of a flow, for looking only.
type OffsetMaps interface {
	// Open returns once the map of the flow is read. The translator may be used
	// until ctx ends. The dialers are those of the flow's clusters.
	Open(ctx context.Context, flow config.Flow, source, target *kafka.Dialer) (checkpoint.Translator, error)
}

// TranslatedOffset is one position of a group, and what it is on the other
// cluster.
type TranslatedOffset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	// Translated is false where the position has no translation; Note then says
	// why, and the target fields mean nothing.
	Translated      bool   `json:"translated"`
	TargetTopic     string `json:"target_topic,omitempty"`
	TargetPartition int32  `json:"target_partition"`
	TargetOffset    int64  `json:"target_offset"`
	// Exact: who goes on there reads nothing again. Otherwise some records are
	// read again; none is ever skipped.
	Exact bool `json:"exact"`
	// Committed is where the group stands on the other cluster now; null: it
	// has no position there.
	Committed *int64 `json:"committed_there"`
	Note      string `json:"note,omitempty"`
}

// TranslateOffsets reads the positions of a group on id.Source and translates
// them to id.Target, sorted by topic and partition. Topics that the flow id
// copies are translated forward, copies that the reverse flow made of the
// target's topics backward. It changes nothing.
func TranslateOffsets(ctx context.Context, cfg *config.Config, opts Options, id topology.FlowID, group string, maps OffsetMaps) ([]TranslatedOffset, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // maps are open until then
	w, err := newOffsetsWork(cfg, opts, id)
	if err != nil {
		return nil, err
	}
	positions, err := positionsOf(ctx, w.from, group)
	if err != nil {
		return nil, err
	}
	if len(positions) == 0 {
		return nil, fmt.Errorf("group %q has no positions on cluster %s: check the name of the group, and the direction", group, id.Source)
	}
	if err := w.open(ctx, maps); err != nil {
		return nil, err
	}
	there, err := positionsOf(ctx, w.to, group)
	if err != nil {
		return nil, err
	}
	out := make([]TranslatedOffset, 0, len(positions))
	for p, offset := range positions {
		out = append(out, w.translate(p, offset, there))
	}
	slices.SortFunc(out, func(a, b TranslatedOffset) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out, nil
}

// offsetsWork is one translation of a group between two clusters.
type offsetsWork struct {
	id             topology.FlowID
	from, to       *kafka.Dialer
	forward, back  *config.Flow // nil where the file has no such flow
	forwards, home sameNames    // of these flows, by the rule that groups are carried over by
	routes         *topology.Routes
}

func newOffsetsWork(cfg *config.Config, opts Options, id topology.FlowID) (*offsetsWork, error) {
	w := &offsetsWork{id: id, routes: routes(cfg)}
	var flows []string
	for i, f := range cfg.Flows {
		if !f.Copy {
			continue
		}
		switch f.ID {
		case id:
			w.forward = &cfg.Flows[i]
		case id.Reverse():
			w.back = &cfg.Flows[i]
		}
		flows = append(flows, f.ID.String())
	}
	if w.forward == nil && w.back == nil {
		return nil, fmt.Errorf("%s copies nothing between %s and %s, so nothing can be translated; its flows are: %s",
			cfg.File, id.Source, id.Target, strings.Join(flows, ", "))
	}
	ends := []config.Flow{{Flow: topology.Flow{ID: id}}}
	built, err := dialers(cfg, ends, opts)
	if err != nil {
		return nil, err
	}
	w.from, w.to = built[id.Source], built[id.Target]
	return w, nil
}

func (w *offsetsWork) open(ctx context.Context, maps OffsetMaps) (err error) {
	w.forwards = sameNames{flow: w.id, routes: w.routes}
	w.home = sameNames{flow: w.id.Reverse(), routes: w.routes}
	if w.forward != nil {
		if w.forwards.alone, err = maps.Open(ctx, *w.forward, w.from, w.to); err != nil {
			return fmt.Errorf("read the offset map of %s: %w", w.forward.ID, err)
		}
	}
	if w.back != nil {
		if w.home.alone, err = maps.Open(ctx, *w.back, w.to, w.from); err != nil {
			return fmt.Errorf("read the offset map of %s: %w", w.back.ID, err)
		}
	}
	if w.forward != nil && w.back != nil {
		w.forwards.both = checkpoint.Merged(w.forwards.alone, w.home.alone)
		w.home.both = checkpoint.Merged(w.home.alone, w.forwards.alone)
	}
	return nil
}

// lookUp asks the map that applies.
func (w *offsetsWork) lookUp(p pipeline.Partition, offset int64) checkpoint.Translation {
	switch {
	case w.forward != nil && w.forward.Replicates(p.Topic):
		return w.forwards.Forward(p, offset)
	case w.back != nil:
		return w.home.Backward(p, offset)
	}
	return checkpoint.Translation{}
}

func (w *offsetsWork) translate(p pipeline.Partition, offset int64, there map[pipeline.Partition]int64) TranslatedOffset {
	out := TranslatedOffset{Topic: p.Topic, Partition: p.Partition, Offset: offset, TargetOffset: -1}
	tr := w.lookUp(p, offset)
	if !tr.Known || tr.Offset < 0 {
		out.Note = cmp.Or(tr.Why, w.why(p.Topic))
		return out
	}
	target := tr.Target
	if target.Topic == "" {
		target = pipeline.Partition{Topic: w.forward.RemoteTopic(p.Topic), Partition: p.Partition}
	}
	out.Translated, out.Exact = true, tr.Exact
	out.TargetTopic, out.TargetPartition, out.TargetOffset = target.Topic, target.Partition, tr.Offset
	if at, ok := there[target]; ok {
		out.Committed = &at
	}
	if tr.Deleted {
		out.Note = "among records of a topic that was deleted on " + string(w.id.Target) + "; translated to where its successor begins"
	}
	return out
}

// why says why a topic's positions have no translation.
func (w *offsetsWork) why(topic string) string {
	switch {
	case w.forward != nil && w.forward.Replicates(topic):
		return fmt.Sprintf("%s has copied nothing of this partition since offsets are mapped; the next record that it copies mends that", w.forward.ID)
	case w.back != nil:
		return fmt.Sprintf("no copy that %s made, and not copied to %s either", w.back.ID, w.id.Target)
	default:
		return fmt.Sprintf("%s does not copy this topic", w.forward.ID)
	}
}

// positionsOf are the positions of a group on one cluster; a group that does
// not exist has none.
func positionsOf(ctx context.Context, d *kafka.Dialer, group string) (map[pipeline.Partition]int64, error) {
	cl, err := d.Client("offsets")
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	fetched, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cluster %s: read the positions of group %q: %w", d.Alias(), group, kafka.Explain(err))
	}
	out := map[pipeline.Partition]int64{}
	fetched.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.At >= 0 {
			out[pipeline.Partition{Topic: o.Topic, Partition: o.Partition}] = o.At
		}
	})
	return out, nil
}

// LiveMaps reads the offset maps that running workers keep on the clusters.
type LiveMaps struct{ Logger *slog.Logger }

// mapPatience is how long a map may take to be read.
const mapPatience = time.Minute

// Open implements OffsetMaps. It reads the segments topic of the flow, and the
// offset syncs that Java MirrorMaker 2 may have left.
func (l LiveMaps) Open(ctx context.Context, flow config.Flow, source, target *kafka.Dialer) (checkpoint.Translator, error) {
	index, err := checkpoint.NewIndex(checkpoint.IndexConfig{
		Flow: flow.ID, Dialer: target, Bytes: flow.Checkpoints.IndexBytes, ReadOnly: true,
		SameNames: flow.TellsOrigins(),
		Metrics:   checkpoint.NewIndexMetrics(nil), Logger: l.Logger,
	})
	if err != nil {
		return nil, err
	}
	on, topic := syncsPlace(flow, source, target)
	syncs := checkpoint.NewSyncFollower(on, flow.ID.String()+"|offsets-consumer", topic, l.Logger)
	failed := make(chan error, 2) // they run until ctx ends, which ends the command
	go func() { failed <- index.Run(ctx) }()
	go func() { failed <- syncs.Run(ctx) }()
	rctx, cancel := context.WithTimeout(ctx, mapPatience)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- positions{index: index, syncs: syncs}.ready(rctx) }()
	select {
	case err := <-failed:
		return nil, kafka.Explain(err)
	case err := <-ready:
		if err != nil {
			return nil, fmt.Errorf("it could not be read within %v: %w", mapPatience, err)
		}
	}
	return checkpoint.OffsetMap{Index: index, Java: syncs, RemoteTopic: flow.RemoteTopic}, nil
}
