package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// View is what one reader of a copy saw. It is safe for concurrent use.
type View struct {
	log    *Log
	rename func(topic string) string

	mu      sync.Mutex // guards what follows; taken before log.mu where both are held
	records map[ID]seen
	topics  []string
	foreign Finding // records that carry no id
	again   Finding // deliveries after the first
	total   int
}

// seen is the first delivery of a record.
type seen struct {
	digest
	offset    int64
	topic     int32
	partition int32
}

// View returns an empty view of copies of the records of l. rename tells the
// name of a source topic on the target; nil means that names are not compared.
// One log may have many views: a hub's records are seen by every spoke.
func (l *Log) View(rename func(topic string) string) *View {
	return &View{log: l, rename: rename, records: make(map[ID]seen)}
}

// Saw notes a record that a read_committed reader of the target got. Control
// records are ignored, and so is the same record read again at the same offset.
func (v *View) Saw(r *kgo.Record) {
	if r.Attrs.IsControl() {
		return
	}
	id, ok := v.log.extract(r)
	d := digestOf(r)

	v.mu.Lock()
	defer v.mu.Unlock()
	if !ok {
		v.total++
		v.foreign.add("%s without an id", place(r.Topic, r.Partition, r.Offset))
		return
	}
	first, known := v.records[id]
	if !known {
		v.total++
		v.records[id] = seen{digest: d, offset: r.Offset, topic: v.topic(r.Topic), partition: r.Partition}
		return
	}
	topic := v.topics[first.topic]
	if first.offset == r.Offset && first.partition == r.Partition && topic == r.Topic {
		return
	}
	v.total++
	v.again.add("record %s: %s and again %s", id, place(topic, first.partition, first.offset),
		place(r.Topic, r.Partition, r.Offset))
}

// topic returns the number of a topic name. The caller holds mu.
func (v *View) topic(name string) int32 {
	if i := slices.Index(v.topics, name); i >= 0 {
		return int32(i)
	}
	v.topics = append(v.topics, name)
	return int32(len(v.topics) - 1)
}

// Missing is the number of acknowledged records that were not seen yet.
func (v *View) Missing() int { return len(v.Outstanding()) }

// Outstanding are the acknowledged records that were not seen yet.
func (v *View) Outstanding() []ID {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.log.mu.Lock()
	defer v.log.mu.Unlock()
	var missing []ID
	for id, p := range v.log.records {
		if _, ok := v.records[id]; !ok && p.outcome == acked {
			missing = append(missing, id)
		}
	}
	return missing
}

// Lacks is how many of these records were not seen yet.
func (v *View) Lacks(ids []ID) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	missing := 0
	for _, id := range ids {
		if _, ok := v.records[id]; !ok {
			missing++
		}
	}
	return missing
}

// Report compares the view with the log as they are now. Call it after the last
// record had its chance to arrive: whatever is still on its way counts as lost.
func (v *View) Report() Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.log.mu.Lock()
	defer v.log.mu.Unlock()

	report := Report{
		Acked: v.log.counts[acked], Maybe: v.log.counts[unknown], Aborted: v.log.counts[aborted],
		Read: v.total,
	}
	report.Unexpected.join(v.foreign)
	report.Unexpected.join(v.log.foreign)
	report.Duplicated.join(v.again)
	streams := v.compare(&report)
	v.findReordered(streams, &report)
	for _, id := range sortedIDs(v.records) {
		if _, ok := v.log.records[id]; !ok {
			s := v.records[id]
			report.Unexpected.add("record %s: %s was never produced", id, place(v.topics[s.topic], s.partition, s.offset))
		}
	}
	return report
}

// compare looks at every produced record and returns those that arrived by the
// stream they belong to. The caller holds both locks.
func (v *View) compare(report *Report) map[streamID][]pair {
	streams := make(map[streamID][]pair)
	for _, id := range sortedIDs(v.log.records) {
		p := v.log.records[id]
		s, ok := v.records[id]
		switch {
		case !ok && p.outcome == acked:
			report.Lost.add("record %s: %s", id, place(v.log.topics[p.topic], p.partition, p.offset))
		case !ok: // aborted, or never written
		case p.outcome == aborted:
			report.AbortedVisible.add("record %s: %s", id, place(v.topics[s.topic], s.partition, s.offset))
		default:
			report.Delivered++
			if changed := v.changes(p, s); len(changed) > 0 {
				report.Altered.add("record %s: %s -> %s: %s", id, place(v.log.topics[p.topic], p.partition, p.offset),
					place(v.topics[s.topic], s.partition, s.offset), strings.Join(changed, ", "))
			}
			if p.offset >= 0 {
				key := streamID{from: p.topic, to: s.topic, fromPartition: p.partition, toPartition: s.partition}
				streams[key] = append(streams[key], pair{id: id, source: p.offset, target: s.offset})
			}
		}
	}
	return streams
}

// changes names what differs between a record and its copy.
func (v *View) changes(p produced, s seen) []string {
	changed := p.changes(s.digest)
	if p.offset >= 0 && p.partition != s.partition {
		changed = append(changed, "partition")
	}
	if v.rename != nil {
		if want := v.rename(v.log.topics[p.topic]); want != v.topics[s.topic] {
			changed = append(changed, fmt.Sprintf("topic (want %s)", want))
		}
	}
	return changed
}

// streamID names the records that must keep their order: those of one source
// partition in one target partition.
type streamID struct {
	from, to                   int32
	fromPartition, toPartition int32
}

// pair is where a record was and where its copy is.
type pair struct {
	id             ID
	source, target int64
}

func (v *View) findReordered(streams map[streamID][]pair, report *Report) {
	for _, key := range sortedStreams(streams) {
		pairs := streams[key]
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.source, b.source) })
		for _, p := range outOfOrder(pairs) {
			report.Reordered.add("record %s: %s -> %s", p.id, place(v.log.topics[key.from], key.fromPartition, p.source),
				place(v.topics[key.to], key.toPartition, p.target))
		}
	}
}

// outOfOrder returns the fewest pairs that would have to move for targets to
// rise as sources do: those outside a longest rising run. pairs are sorted by
// source.
func outOfOrder(pairs []pair) []pair {
	if slices.IsSortedFunc(pairs, func(a, b pair) int { return cmp.Compare(a.target, b.target) }) {
		return nil
	}
	// tails[k] is the pair with the smallest target that ends a rising run of
	// k+1 pairs; before leads from each pair to the one before it in its run.
	tails := make([]int, 0, len(pairs))
	before := make([]int, len(pairs))
	for i, p := range pairs {
		k, _ := slices.BinarySearchFunc(tails, p.target, func(j int, target int64) int {
			return cmp.Compare(pairs[j].target, target)
		})
		before[i] = -1
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	kept := make([]bool, len(pairs))
	for i := tails[len(tails)-1]; i >= 0; i = before[i] {
		kept[i] = true
	}
	var moved []pair
	for i, p := range pairs {
		if !kept[i] {
			moved = append(moved, p)
		}
	}
	return moved
}

func sortedIDs[T any](records map[ID]T) []ID {
	ids := make([]ID, 0, len(records))
	for id := range records {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func sortedStreams(streams map[streamID][]pair) []streamID {
	keys := make([]streamID, 0, len(streams))
	for key := range streams {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b streamID) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.fromPartition, b.fromPartition),
			cmp.Compare(a.to, b.to), cmp.Compare(a.toPartition, b.toPartition))
	})
	return keys
}

func place(topic string, partition int32, offset int64) string {
	if offset < 0 {
		return fmt.Sprintf("%s-%d", topic, partition)
	}
	return fmt.Sprintf("%s-%d@%d", topic, partition, offset)
}
