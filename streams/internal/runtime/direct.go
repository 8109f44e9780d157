package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/positions"
	"mm2/streams/internal/task"
)

// A topology that reads from another cluster than home is run directly: the
// members of the group share the partitions of one internal topic, of which each
// stands for a task. The sources, those at home too, are read by clients that are
// in no group, from positions that are committed as the metadata of the offsets
// of that topic. So they are committed in the transaction of the outputs, and
// whoever is not a member of the group's generation cannot commit any.
//
// A crash leaves what it leaves with sources at home: the offsets of a
// transaction that did not end are not seen, and the next owner of a task waits
// for the end of one that did.

// tasksTopic is the topic whose partitions stand for tasks. Nothing is written
// to it.
func (l *layout) tasksTopic() string { return task.InternalTopic(l.application, "tasks") }

// index is the partition that stands for a task. It stays the same when topics
// grow: partitions of a number stand beside each other, one for each part.
func (l *layout) index(id task.ID) int32 {
	for i, p := range l.parts {
		if p.id == id.Subtopology {
			return id.Partition*int32(len(l.parts)) + int32(i)
		}
	}
	return -1
}

// taskOf is the task that a partition stands for.
func (l *layout) taskOf(index int32) (*part, task.ID) {
	p := l.parts[int(index)%len(l.parts)]
	return p, task.ID{Subtopology: p.id, Partition: index / int32(len(l.parts))}
}

// stands reports whether a partition of the group is one of a task.
func (l *layout) stands(o *owned, topic string, partition int32) bool {
	if l.direct {
		return topic == l.tasksTopic() && partition == l.index(o.id)
	}
	return o.inputs[task.Partition{Topic: topic, Partition: partition}] != nil
}

// clusterOf is the cluster of a node; empty for home.
func (l *layout) clusterOf(n *graph.Node) string { return clusterOf(n, l.home) }

// sourceClusters are the clusters that tasks read from.
func (l *layout) sourceClusters() []string {
	var clusters []string
	for _, p := range l.parts {
		for _, n := range p.nodes {
			if c := l.clusterOf(n); n.Kind == graph.Source && !slices.Contains(clusters, c) {
				clusters = append(clusters, c)
			}
		}
	}
	return clusters
}

// text is what was committed for a task.
type text struct {
	committed bool
	metadata  string
}

// arrival is what one poll of a reader gave.
type arrival struct {
	cluster string
	fetches kgo.Fetches
	owners  map[tp]*input // whom the partitions were read for
}

// openReaders makes a reader of each cluster that has sources.
func (t *thread) openReaders() error {
	if !t.app.layout.direct {
		return nil
	}
	t.readers, t.arrived = make(map[string]*reader), make(chan arrival)
	t.finding, t.stopFinding = context.WithCancel(t.hard)
	for _, cluster := range t.app.layout.sourceClusters() {
		client, err := t.newReaderClient(cluster)
		if err != nil {
			return err
		}
		t.readers[cluster] = newReader(cluster, client, t.app.settingsOf(cluster).Main.MaxPollRecords, t.arrived)
		t.readers[cluster].start(t.hard)
	}
	return nil
}

func (t *thread) closeReaders() {
	if t.stopFinding != nil {
		t.stopFinding()
	}
	t.finders.Wait()
	for _, r := range t.readers {
		r.close()
	}
}

// pollDirect waits for what readers bring. As poll, it ends with rebalances held
// off.
func (t *thread) pollDirect(ctx context.Context) (kgo.Fetches, []arrival) {
	var arrived []arrival
	select {
	case a := <-t.arrived:
		arrived = append(arrived, a)
	case <-ctx.Done():
	}
	return t.consumer.PollRecords(t.none, 1), arrived
}

// assignDirect notes new tasks.
func (t *thread) assignDirect(indexes []int32) {
	for _, n := range indexes {
		p, id := t.app.layout.taskOf(n)
		if t.tasks[id] == nil {
			t.tasks[id] = &owned{id: id, part: p, inputs: make(map[task.Partition]*input)}
		}
		t.takeText(n) // of an earlier assignment
	}
}

// noteText keeps what is committed for a task until the next round looks at it.
// The caller holds startsMu.
func (t *thread) noteText(topic string, partition int32, offset int64, metadata *string) {
	if topic != t.app.layout.tasksTopic() {
		return
	}
	if t.texts == nil {
		t.texts = make(map[int32]text)
	}
	x := text{committed: offset >= 0}
	if metadata != nil {
		x.metadata = *metadata
	}
	t.texts[partition] = x
}

func (t *thread) takeText(index int32) (text, bool) {
	t.startsMu.Lock()
	defer t.startsMu.Unlock()
	x, ok := t.texts[index]
	delete(t.texts, index)
	return x, ok
}

// decode reads what was committed for a task.
func (x text) decode(id task.ID) (positions.Text, error) {
	if !x.committed {
		return positions.Text{}, nil
	}
	at, err := positions.Decode(x.metadata)
	switch {
	case err != nil:
		return at, fmt.Errorf("the positions of task %v: %w; reset the application, or restore the offsets of its group", id, err)
	case at.Subtopology != int32(id.Subtopology) || at.Partition != id.Partition:
		return at, fmt.Errorf("the positions of task %v are those of task %d_%d: the topology has another number of parts than the one that committed them; "+
			"run that one, or give this one another application id", id, at.Subtopology, at.Partition)
	}
	return at, nil
}

// direct moves tasks on that wait for their positions.
func (t *thread) direct() error {
	if !t.app.layout.direct {
		return nil
	}
	for _, o := range t.sorted() {
		if o.phase != waiting || o.looking || o.found {
			continue
		}
		x, ok := t.takeText(t.app.layout.index(o.id))
		if !ok {
			continue
		}
		at, err := x.decode(o.id)
		if err != nil {
			return err
		}
		t.find(o, at)
	}
	for _, f := range t.takeFound() {
		if t.tasks[f.of.id] != f.of {
			continue // it is another's by now
		}
		f.of.looking = false
		if f.err != nil {
			return fmt.Errorf("find out where task %v starts: %w", f.of.id, f.err)
		}
		f.of.found = true
		for at, in := range f.inputs {
			if f.of.inputs[at] != nil {
				continue
			}
			f.of.inputs[at] = in
			if f.of.phase == running { // a topic has grown into the task
				if err := t.feed(f.of, at, in); err != nil {
					return err
				}
				t.resume(at, in)
			}
		}
	}
	return nil
}

// resumeDirect has a partition read again, or for the first time.
func (t *thread) resumeDirect(at task.Partition, in *input) {
	r, from := t.readers[at.Cluster], tp{at.Topic, at.Partition}
	if in.added {
		r.client.ResumeFetchPartitions(map[string][]int32{from.topic: {from.partition}})
		return
	}
	in.added = true
	r.add(from, in)
}

// stopDirect has the partitions of a task read no more.
func (t *thread) stopDirect(o *owned) {
	for at, in := range o.inputs {
		if in.added {
			t.readers[at.Cluster].remove(tp{at.Topic, at.Partition}, in)
		}
	}
}

// directError is what becomes of an error of a reader; nil if it passes.
func (t *thread) directError(cluster, topic string, partition int32, err error) error {
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return err
	case errors.As(err, &loss), errors.Is(err, kerr.OffsetOutOfRange), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID):
		// The next incarnation compares the position with what is there now.
		return fromBroker(fmt.Errorf("read %s partition %d: the topic is not what it was: %w", qualified(cluster, topic), partition, err))
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return t.missing(cluster, topic, err)
	}
	if classify(err) == uncaught {
		return fmt.Errorf("read %s partition %d: %w", qualified(cluster, topic), partition, kafka.Explain(err))
	}
	t.log.Warn("a partition could not be read; it is tried again", "topic", qualified(cluster, topic), "partition", partition, "err", kafka.Explain(err))
	return nil
}

// offset is an offset of the group with its metadata.
type offset struct {
	at   int64
	text string
}

// offsets are the group's offsets of positions: those of the sources, or those
// of the tasks.
func (t *thread) offsets(at map[task.Partition]task.Position) (map[tp]offset, error) {
	all := make(map[tp]offset, len(at))
	if !t.app.layout.direct {
		for p, position := range at {
			all[tp{p.Topic, p.Partition}] = offset{position.Offset, position.Encode()}
		}
		return all, nil
	}
	for _, o := range t.tasks {
		kept := positions.Text{Subtopology: int32(o.id.Subtopology), Partition: o.id.Partition}
		for p, in := range o.inputs {
			position, ok := at[p]
			if !ok {
				continue
			}
			kept.Kept = position.Kept
			kept.Positions = append(kept.Positions, positions.Position{
				Cluster: p.Cluster, Topic: p.Topic, ID: in.id, Next: position.Offset, Epoch: in.epoch, Time: position.PartitionTime,
			})
		}
		if len(kept.Positions) == 0 {
			continue
		}
		text := kept.Encode()
		if len(text) > positions.Limit {
			return nil, tooLarge(o.id.Subtopology, len(kept.Positions), len(text))
		}
		all[tp{t.app.layout.tasksTopic(), t.app.layout.index(o.id)}] = offset{0, text}
	}
	return all, nil
}

// tooLarge is the error of positions that brokers would refuse.
func tooLarge(part, topics, size int) error {
	return fmt.Errorf("sub-topology %d reads %d topics, and the positions of a task in them take up to %d bytes: a broker keeps %d beside an offset "+
		"(offset.metadata.max.bytes); have the sub-topology read fewer topics, in parts that meet through Repartition, or give each its own application", part, topics, size, positions.Limit)
}
