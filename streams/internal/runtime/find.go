package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/positions"
	"mm2/streams/internal/settings"
	"mm2/streams/internal/task"
)

// found is what a task's inputs are.
type found struct {
	of     *owned
	inputs map[task.Partition]*input
	err    error
}

// find looks up the inputs of a task in the background, as another cluster may
// take long to answer. It tries again what may pass.
func (t *thread) find(o *owned, at positions.Text) {
	o.looking = true
	t.finders.Go(func() {
		pause := backoff.Backoff{First: 100 * time.Millisecond, Max: 5 * time.Second}
		since := time.Now()
		for {
			inputs, err := t.lookUp(t.finding, o.part, o.id.Partition, at)
			if err != nil && classify(err) == again && time.Since(since) < t.app.cfg.Settings.TaskTimeout {
				t.log.Warn("the sources of a task could not be looked up; it is tried again", "task", o.id.String(), "err", kafka.Explain(err))
				if backoff.Sleep(t.finding, pause.Next()) {
					continue
				}
			}
			t.startsMu.Lock()
			t.foundInputs = append(t.foundInputs, found{o, inputs, err})
			t.startsMu.Unlock()
			return
		}
	})
}

func (t *thread) takeFound() []found {
	t.startsMu.Lock()
	defer t.startsMu.Unlock()
	all := t.foundInputs
	t.foundInputs = nil
	return all
}

// committedText is what a task would find if it were looked up now.
func (t *thread) committedText(o *owned) positions.Text {
	var x positions.Text
	for p, in := range o.inputs {
		if in.committed >= 0 {
			x.Positions = append(x.Positions, positions.Position{Cluster: p.Cluster, Topic: p.Topic, ID: in.id, Next: in.committed, Epoch: in.epoch, Time: -1})
		}
	}
	return x
}

// lookUp finds the inputs of a task with where they start.
func (t *thread) lookUp(ctx context.Context, p *part, n int32, at positions.Text) (map[task.Partition]*input, error) {
	inputs := make(map[task.Partition]*input)
	for _, node := range p.nodes {
		if node.Kind != graph.Source {
			continue
		}
		cluster := t.app.layout.clusterOf(node)
		if err := t.inputsOf(ctx, node, cluster, n, at, inputs); err != nil {
			return nil, onCluster(cluster, err)
		}
	}
	for _, position := range at.Positions {
		if inputs[task.Partition{Cluster: position.Cluster, Topic: position.Topic, Partition: n}] == nil {
			t.log.Warn("a position is dropped: its topic is not read any more, or has fewer partitions", "topic", qualified(position.Cluster, position.Topic), "partition", n, "offset", position.Next)
		}
	}
	return inputs, nil
}

func (t *thread) inputsOf(ctx context.Context, node *graph.Node, cluster string, n int32, at positions.Text, inputs map[task.Partition]*input) error {
	admin := t.app.adminOf(cluster)
	var exist []string
	if node.Pattern != nil {
		all, err := admin.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("look for topics that match %v: %w", node.Pattern, fromBroker(err))
		}
		for _, topic := range all.Names() {
			exist = append(exist, qualified(cluster, topic))
		}
	}
	for _, name := range t.app.layout.sourceTopics(node, exist) {
		_, topic := unqualified(name)
		meta, err := admin.Metadata(ctx, topic)
		if err != nil {
			return fmt.Errorf("look up %s: %w", topic, fromBroker(err))
		}
		detail := meta.Topics[topic]
		if detail.Err != nil {
			return fmt.Errorf("look up %s: %w", topic, fromBroker(detail.Err))
		}
		if n >= int32(len(detail.Partitions)) {
			continue
		}
		in := &input{source: node, known: true, paused: true, committed: -1, id: detail.ID, epoch: -1}
		if in.start, err = t.startOf(ctx, admin, node, cluster, topic, n, in, at); err != nil {
			return err
		}
		inputs[task.Partition{Cluster: cluster, Topic: topic, Partition: n}] = in
	}
	return nil
}

// startOf is where a partition starts: at its position, if that is one of what
// is there now.
func (t *thread) startOf(ctx context.Context, admin *kadm.Client, node *graph.Node, cluster, topic string, n int32, in *input, at positions.Text) (start, error) {
	s := start{kept: task.Committed{PartitionTime: -1, Kept: at.Kept}}
	first, err := listed(admin.ListStartOffsets(ctx, topic))(topic, n)
	if err != nil {
		return s, err
	}
	last, err := listed(admin.ListEndOffsets(ctx, topic))(topic, n)
	if err != nil {
		return s, err
	}
	s.end = last
	if t.app.settingsOf(cluster).Main.ReadCommitted {
		if s.end, err = listed(admin.ListCommittedOffsets(ctx, topic))(topic, n); err != nil {
			return s, err
		}
	}
	i := slices.IndexFunc(at.Positions, func(p positions.Position) bool { return p.Cluster == cluster && p.Topic == topic })
	if i < 0 {
		s.next, err = t.resetOf(ctx, admin, node, cluster, topic, n, first, s.end)
		return s, err
	}
	p := at.Positions[i]
	why, err := misfit(ctx, admin, p, in.id, n, first, last)
	if err != nil {
		return s, err
	}
	if why == "" {
		s.next, s.committed, s.kept.PartitionTime, in.epoch = p.Next, true, p.Time, p.Epoch
		return s, nil
	}
	if node.Reset.Policy == graph.Unset || node.Reset.Policy == graph.None {
		return s, fmt.Errorf("go on in %s partition %d at offset %d: %s; records may be lost or would be repeated, so it is not guessed where to go on: "+
			"restore the topic, reset the application, or give the source a StartAt that says where", qualified(cluster, topic), n, p.Next, why)
	}
	if s.next, err = t.resetOf(ctx, admin, node, cluster, topic, n, first, s.end); err == nil {
		t.log.Warn("a source starts anew as its StartAt says: its position is not in the topic", "topic", qualified(cluster, topic), "partition", n,
			"position", p.Next, "start", s.next, "why", why)
	}
	return s, err
}

// misfit says why a position is none of a partition; empty if it is one.
func misfit(ctx context.Context, admin *kadm.Client, p positions.Position, id [16]byte, n int32, first, last int64) (string, error) {
	none := [16]byte{}
	switch {
	case p.ID != id && p.ID != none && id != none:
		return "the topic was deleted and created again", nil
	case p.Next < first:
		return fmt.Sprintf("the log begins at %d", first), nil
	case p.Next > last:
		return fmt.Sprintf("the log ends at %d", last), nil
	case p.Epoch < 0:
		return "", nil
	}
	var ask kadm.OffsetForLeaderEpochRequest
	ask.Add(p.Topic, n, p.Epoch)
	answers, err := admin.OffsetForLeaderEpoch(ctx, ask)
	if err != nil {
		return "", fmt.Errorf("ask %s partition %d for the end of epoch %d: %w", p.Topic, n, p.Epoch, fromBroker(err))
	}
	answer, ok := answers[p.Topic][n]
	switch {
	case !ok:
		return "", fromBroker(fmt.Errorf("ask %s partition %d for the end of epoch %d: no answer", p.Topic, n, p.Epoch))
	case errors.Is(answer.Err, kerr.UnsupportedVersion):
		return "", nil
	case answer.Err != nil:
		return "", fmt.Errorf("ask %s partition %d for the end of epoch %d: %w", p.Topic, n, p.Epoch, fromBroker(answer.Err))
	case answer.EndOffset < p.Next:
		return fmt.Sprintf("the log was truncated: leader epoch %d ends at %d", p.Epoch, answer.EndOffset), nil
	}
	return "", nil
}

func listed(all kadm.ListedOffsets, err error) func(string, int32) (int64, error) {
	return func(topic string, n int32) (int64, error) {
		at, ok := all.Lookup(topic, n)
		switch {
		case err != nil:
			return 0, fmt.Errorf("list the offsets of %s: %w", topic, fromBroker(err))
		case !ok:
			return 0, fromBroker(fmt.Errorf("list the offsets of %s: none of partition %d", topic, n))
		case at.Err != nil:
			return 0, fmt.Errorf("list the offsets of %s partition %d: %w", topic, n, fromBroker(at.Err))
		}
		return at.Offset, nil
	}
}

// resetOf is where a source starts that has no position.
func (t *thread) resetOf(ctx context.Context, admin *kadm.Client, node *graph.Node, cluster, topic string, n int32, first, end int64) (int64, error) {
	r := t.app.resetPolicy(node)
	switch r.Where {
	case settings.Latest:
		return end, nil
	case settings.ByDuration:
		return listed(admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-r.Back).UnixMilli(), topic))(topic, n)
	case settings.None:
		return 0, fmt.Errorf("there is no position in %s partition %d, and the source has none to start at: give it another StartAt", qualified(cluster, topic), n)
	default:
		return first, nil
	}
}
