package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/settings"
	"mm2/streams/internal/task"
)

// metadata is what this thread says when it joins.
func (t *thread) metadata() assign.Metadata {
	m := assign.Metadata{Process: t.app.process(), Topology: t.app.layout.fingerprint, EndPoint: t.app.cfg.Settings.ApplicationServer}
	if t.app.stopAll.Load() {
		m.Code = assign.CodeStopApplication
	}
	return m
}

// onAssignment keeps the leader's answer until the next round looks at it.
func (t *thread) onAssignment(a assign.Assignment) {
	t.answerMu.Lock()
	defer t.answerMu.Unlock()
	t.answer, t.answered = a, true
	if a.Code == assign.CodeNone {
		t.app.noteHosts(a.Hosts)
	}
}

func (t *thread) takeAnswer() (assign.Assignment, bool) {
	t.answerMu.Lock()
	defer t.answerMu.Unlock()
	answered := t.answered
	t.answered = false
	return t.answer, answered
}

// onAssigned notes new tasks. Their records wait until the rows are restored.
func (t *thread) onAssigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.joined = true
	cl.PauseFetchPartitions(added)
	if t.app.layout.direct {
		t.assignDirect(added[t.app.layout.tasksTopic()])
		t.tell()
		return
	}
	for topic, partitions := range added {
		part, source := t.app.layout.sourceOf(topic)
		if part == nil {
			t.fail(fmt.Errorf("the group gave partitions of %s, which the topology does not read", topic))
			return
		}
		for _, n := range partitions {
			id := task.ID{Subtopology: part.id, Partition: n}
			o := t.tasks[id]
			if o == nil {
				o = &owned{id: id, part: part, inputs: make(map[task.Partition]*input)}
				t.tasks[id] = o
				t.app.expect(id, t.number)
			}
			o.inputs[task.Partition{Topic: topic, Partition: n}] = &input{source: source, paused: true, committed: -1}
			t.takeStart(task.Partition{Topic: topic, Partition: n}) // of an earlier assignment
		}
	}
	t.tell()
}

// onRevoked commits and closes the tasks of partitions that go to others. The
// group waits for it, so the next owner sees the commit.
func (t *thread) onRevoked(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(gone) == 0 {
		return
	}
	// All tasks are committed: there is one transaction for them.
	err := t.failure()
	if err == nil {
		err = t.commit(t.hard)
	}
	if err != nil {
		t.fail(err)
	}
	for topic, partitions := range gone {
		for _, n := range partitions {
			for _, o := range t.tasks {
				if t.app.layout.stands(o, topic, n) {
					if err := t.end(o); err != nil {
						t.fail(err)
					}
				}
			}
		}
	}
	t.tell()
}

// onLost learns that the partitions may have others by now: nothing may be
// committed any more.
func (t *thread) onLost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(gone) == 0 && len(t.tasks) == 0 {
		return
	}
	t.fail(fmt.Errorf("the group went on without this thread: %w", ErrFenced))
}

// onFetched reads what was committed beside the offsets.
func (t *thread) onFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	t.startsMu.Lock()
	defer t.startsMu.Unlock()
	note := func(topic string, partition int32, offset int64, metadata *string) {
		s := start{next: offset, committed: offset >= 0, kept: task.Committed{PartitionTime: -1}}
		if metadata != nil && s.committed {
			kept, err := task.DecodeCommitted(*metadata)
			if err != nil { // others may have reset the offset by hand
				t.log.Warn("what is committed beside an offset cannot be read", "topic", topic, "partition", partition, "err", err)
			}
			s.kept = kept
		}
		t.fetched[tp{topic, partition}] = s
	}
	if t.app.layout.direct {
		note = t.noteText
	}
	for _, g := range resp.Groups {
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				note(topic.Topic, p.Partition, p.Offset, p.Metadata)
			}
		}
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			note(topic.Topic, p.Partition, p.Offset, p.Metadata)
		}
	}
	return nil
}

// onAdjust makes a number of each position, so that the first commit has
// something to say of each partition, and learns where the logs end.
func (t *thread) onAdjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	if t.app.layout.direct { // nothing is in the topic of tasks
		for _, partitions := range offsets {
			for n := range partitions {
				partitions[n] = kgo.NewOffset().At(0)
			}
		}
		return offsets, nil
	}
	found, err := t.findStarts(ctx, offsets)
	if err != nil {
		return nil, fmt.Errorf("find out where to start: %w", err)
	}
	t.startsMu.Lock()
	defer t.startsMu.Unlock()
	for at, s := range found {
		offsets[at.topic][at.partition] = kgo.NewOffset().At(s.next)
		t.starts[at] = s
	}
	return offsets, nil
}

func (t *thread) findStarts(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[tp]start, error) {
	found := make(map[tp]start)
	for topic, partitions := range offsets {
		ends, err := t.ends(ctx, topic)
		if err != nil {
			return nil, err
		}
		var resets kadm.ListedOffsets
		for n := range partitions {
			t.startsMu.Lock()
			s, ok := t.fetched[tp{topic, n}]
			t.startsMu.Unlock()
			if !ok {
				s = start{next: partitions[n].EpochOffset().Offset, kept: task.Committed{PartitionTime: -1}}
				s.committed = s.next >= 0
			}
			if !s.committed {
				if resets == nil {
					if resets, err = t.resets(ctx, topic); err != nil {
						return nil, err
					}
				}
				reset, ok := resets.Lookup(topic, n)
				if !ok || reset.Err != nil {
					return nil, errors.Join(fmt.Errorf("there is no offset to start %s partition %d at", topic, n), reset.Err)
				}
				s.next = reset.Offset
			}
			if end, ok := ends.Lookup(topic, n); ok && end.Err == nil {
				s.end = end.Offset
			}
			found[tp{topic, n}] = s
		}
	}
	return found, nil
}

// ends is how far a topic can be read.
func (t *thread) ends(ctx context.Context, topic string) (kadm.ListedOffsets, error) {
	if t.app.cfg.Settings.Main.ReadCommitted {
		return t.app.admin.ListCommittedOffsets(ctx, topic)
	}
	return t.app.admin.ListEndOffsets(ctx, topic)
}

// resetPolicy is where a source starts of which nobody committed a position.
func (a *App) resetPolicy(source *graph.Node) settings.OffsetReset {
	r := a.cfg.Settings.OffsetReset
	switch source.Reset.Policy {
	case graph.Earliest:
		r = settings.OffsetReset{Where: settings.Earliest}
	case graph.Latest:
		r = settings.OffsetReset{Where: settings.Latest}
	case graph.None:
		r = settings.OffsetReset{Where: settings.None}
	case graph.ByDuration:
		r = settings.OffsetReset{Where: settings.ByDuration, Back: source.Reset.Since}
	case graph.Unset:
	}
	if source.Internal {
		// Whatever it is, no record of ours is passed over.
		r = settings.OffsetReset{Where: settings.Earliest}
	}
	return r
}

// resets is where partitions of a topic start that nobody committed a position
// of.
func (t *thread) resets(ctx context.Context, topic string) (kadm.ListedOffsets, error) {
	_, source := t.app.layout.sourceOf(topic)
	if source == nil {
		return nil, fmt.Errorf("the topology does not read %s", topic)
	}
	r := t.app.resetPolicy(source)
	switch r.Where {
	case settings.Latest:
		return t.ends(ctx, topic)
	case settings.ByDuration:
		return t.app.admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-r.Back).UnixMilli(), topic)
	case settings.None:
		t.fail(&noPosition{topic})
		return nil, &noPosition{topic}
	default:
		return t.app.admin.ListStartOffsets(ctx, topic)
	}
}

// noPosition is that of a source that starts nowhere by itself.
type noPosition struct{ topic string }

func (e *noPosition) Error() string {
	return fmt.Sprintf("the group has no position in %s, and the source has none to start at: set the group's offsets, or give the source another StartAt", e.topic)
}

// takeStart is the position of a partition once it is known.
func (t *thread) takeStart(in task.Partition) (start, bool) {
	at := tp{in.Topic, in.Partition}
	t.startsMu.Lock()
	defer t.startsMu.Unlock()
	s, ok := t.starts[at]
	delete(t.starts, at)
	delete(t.fetched, at)
	return s, ok
}

// resume lets a partition be fetched again.
func (t *thread) resume(at task.Partition, in *input) {
	if in.paused {
		in.paused = false
		if t.app.layout.direct {
			t.resumeDirect(at, in)
			return
		}
		t.consumer.ResumeFetchPartitions(map[string][]int32{at.Topic: {at.Partition}})
	}
}

func (t *thread) pause(at task.Partition, in *input) {
	if !in.paused {
		in.paused = true
		client := t.consumer
		if t.app.layout.direct {
			client = t.readers[at.Cluster].client
		}
		client.PauseFetchPartitions(map[string][]int32{at.Topic: {at.Partition}})
	}
}

// sorted are the tasks in the order of their ids.
func (t *thread) sorted() []*owned {
	list := make([]*owned, 0, len(t.tasks))
	for _, o := range t.tasks {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *owned) int {
		if a.id.Subtopology != b.id.Subtopology {
			return a.id.Subtopology - b.id.Subtopology
		}
		return int(a.id.Partition - b.id.Partition)
	})
	return list
}
