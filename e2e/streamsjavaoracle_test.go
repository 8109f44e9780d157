package e2e_test

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	oraclePartitions = 2
	oracleKeys       = 7
	oracleBatch      = 300
)

// oracle makes the input of a topology of streamspeer, batch by batch, and says
// which records every topic must hold, byte by byte and in order for each key.
type oracle struct {
	topology, input string
	app             string
	first           time.Time
	batches         int

	want     map[string]map[string][]string // topic, key: records as written
	counts   map[string]int64
	times    map[string]int64   // of rows, by what they count
	clock    map[string][]int64 // partition times by topic
	windows  map[string]openWindow
	outputs  int
	partOf   kgo.TopicPartitioner
	produced int
}

// openWindow is a window of which the final result was not given.
type openWindow struct {
	key       string
	start     int64
	partition int
}

func newOracle(topology, app string) *oracle {
	return &oracle{
		topology: topology, app: app, input: app + ".in",
		// Windows of a minute begin at it.
		first:   time.Now().Add(-3 * time.Hour).Truncate(time.Hour),
		want:    make(map[string]map[string][]string),
		counts:  make(map[string]int64),
		times:   make(map[string]int64),
		clock:   make(map[string][]int64),
		windows: make(map[string]openWindow),
		partOf:  kgo.StickyKeyPartitioner(nil).ForTopic(""),
	}
}

func (o *oracle) output() string { return o.app + ".out" }

func (o *oracle) rekeyed() bool { return o.topology == "rekeyed-count" }

func (o *oracle) changelog() string {
	if o.rekeyed() {
		return o.app + "-counts-changelog"
	}
	return o.app + "-windows-changelog"
}

func (o *oracle) repartition() string { return o.app + "-counts-repartition" }

func (o *oracle) partition(key string) int {
	return o.partOf.Partition(&kgo.Record{Key: []byte(key)}, oraclePartitions)
}

// next is the next batch of input. Records come up to 20 s out of order, and
// some are later than any grace.
func (o *oracle) next() []*kgo.Record {
	var records []*kgo.Record
	for range oracleBatch {
		i := o.produced
		o.produced++
		at := o.first.UnixMilli() + int64(i)*2000
		switch {
		case i%5 == 0:
			at -= 20_000
		case i%oracleBatch%50 == 49 && !o.rekeyed():
			at -= 600_000
		}
		what := fmt.Sprintf("k%d", i%oracleKeys)
		key, value := what, "v"
		if o.rekeyed() {
			// One key for each value, so that its records keep their order on the way.
			key, value = "from-"+what, what
		}
		r := &kgo.Record{
			Topic: o.input, Partition: int32(o.partition(key)), Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(at),
		}
		if o.topology != "final-windows" {
			r.Headers = []kgo.RecordHeader{{Key: "batch", Value: fmt.Append(nil, o.batches)}}
		}
		records = append(records, r)
		o.take(r, what)
	}
	o.batches++
	return records
}

// late is a record for each partition that is dropped because its windows are
// closed.
func (o *oracle) late() []*kgo.Record {
	var records []*kgo.Record
	for p, now := range o.clock[o.input] {
		records = append(records, &kgo.Record{
			Topic: o.input, Partition: int32(p), Key: []byte("k0"), Value: []byte("late"), Timestamp: time.UnixMilli(now - 600_000),
		})
	}
	return records
}

// take adds what a record leads to.
func (o *oracle) take(r *kgo.Record, what string) {
	at := r.Timestamp.UnixMilli()
	now := o.tick(o.input, int(r.Partition), at)
	if o.rekeyed() {
		p := o.partition(what)
		o.tick(o.repartition(), p, at)
		o.add(o.repartition(), p, what, r.Value, at, r.Headers)
		o.update(p, what, []byte(what), []byte(what), at, r.Headers)
		return
	}
	const size, grace = 60_000, 30_000
	start := at - at%size
	if start+size > now-grace {
		p := int(r.Partition)
		key := binary.BigEndian.AppendUint64([]byte(what), uint64(start))
		row := fmt.Sprintf("%s@%d", what, start)
		o.windows[row] = openWindow{what, start, p}
		o.update(p, row, binary.BigEndian.AppendUint32(key, 0), key, at, r.Headers)
	}
	if o.topology != "final-windows" {
		return
	}
	for start := start - 10*size; start <= now-size-grace; start += size { // no window is open for longer
		for k := range oracleKeys {
			row := fmt.Sprintf("k%d@%d", k, start)
			if w, ok := o.windows[row]; ok && w.partition == int(r.Partition) {
				delete(o.windows, row)
				key := binary.BigEndian.AppendUint64([]byte(w.key), uint64(w.start))
				o.give(w.partition, key, o.counts[row], o.times[row], nil)
			}
		}
	}
}

// tick moves the time of a partition, which it returns.
func (o *oracle) tick(topic string, partition int, at int64) int64 {
	clock := o.clock[topic]
	if clock == nil {
		clock = make([]int64, oraclePartitions)
		o.clock[topic] = clock
	}
	clock[partition] = max(clock[partition], at)
	return clock[partition]
}

// update counts a record in a row.
func (o *oracle) update(partition int, row string, changelogKey, outputKey []byte, at int64, headers []kgo.RecordHeader) {
	o.counts[row]++
	o.times[row] = max(o.times[row], at)
	o.add(o.changelog(), partition, string(changelogKey), int64Bytes(o.counts[row]), o.times[row], nil)
	if o.topology != "final-windows" {
		o.give(partition, outputKey, o.counts[row], o.times[row], headers)
	}
}

func (o *oracle) give(partition int, key []byte, n, at int64, headers []kgo.RecordHeader) {
	o.outputs++
	o.add(o.output(), partition, string(key), int64Bytes(n), at, headers)
}

func int64Bytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func (o *oracle) add(topic string, partition int, key string, value []byte, at int64, headers []kgo.RecordHeader) {
	addRecord(o.want, &kgo.Record{
		Topic: topic, Partition: int32(partition), Key: []byte(key), Value: value, Timestamp: time.UnixMilli(at), Headers: headers,
	})
}

// addRecord adds a record, as text, behind those of its topic and key.
func addRecord(to map[string]map[string][]string, r *kgo.Record) {
	if to[r.Topic] == nil {
		to[r.Topic] = make(map[string][]string)
	}
	key := fmt.Sprintf("%x", r.Key)
	text := fmt.Sprintf("p%d %x @%d", r.Partition, r.Value, r.Timestamp.UnixMilli())
	for _, h := range r.Headers {
		text += fmt.Sprintf(" %s:%x", h.Key, h.Value)
	}
	to[r.Topic][key] = append(to[r.Topic][key], text)
}
