package check

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Log is what producers know about the records they wrote. It is safe for
// concurrent use.
type Log struct {
	extract Extract

	mu      sync.Mutex // guards what follows
	records map[ID]produced
	topics  []string // names, by the number in produced.topic
	counts  [3]int   // records by outcome
	foreign Finding  // records without an id: a mistake of the caller
}

type outcome uint8

const (
	unknown outcome = iota // written or not: nobody was told
	acked
	aborted
)

// produced is the memory of one record; kept small, there is one for each.
type produced struct {
	digest
	offset    int64 // on the source; -1 if it was never told
	topic     int32
	partition int32
	outcome   outcome
}

// NewLog returns an empty log of records that extract tells apart; nil means
// [NumberOf].
func NewLog(extract Extract) *Log {
	if extract == nil {
		extract = NumberOf
	}
	return &Log{extract: extract, records: make(map[ID]produced)}
}

// Acked notes a record that the source has acknowledged, with the topic,
// partition, offset and timestamp it got there. It must be seen on the target,
// once. Noting a record again replaces what was noted before, so that reading
// the source back resolves what [Log.Maybe] left open.
func (l *Log) Acked(r *kgo.Record) { l.note(r, acked) }

// Maybe notes a record whose outcome nobody was told: it may be seen once on
// the target or not at all.
func (l *Log) Maybe(r *kgo.Record) { l.note(r, unknown) }

// Aborted notes a record of an aborted transaction: nobody may see it.
func (l *Log) Aborted(r *kgo.Record) { l.note(r, aborted) }

func (l *Log) note(r *kgo.Record, o outcome) {
	id, ok := l.extract(r)
	d := digestOf(r)
	offset := r.Offset
	if o == unknown {
		offset = -1
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok {
		l.foreign.add("%s was produced without an id, so nothing can be said about it", place(r.Topic, r.Partition, offset))
		return
	}
	if old, again := l.records[id]; again {
		l.counts[old.outcome]--
	}
	l.counts[o]++
	l.records[id] = produced{digest: d, offset: offset, topic: l.topic(r.Topic), partition: r.Partition, outcome: o}
}

// topic returns the number of a topic name. The caller holds mu.
func (l *Log) topic(name string) int32 {
	for i, known := range l.topics {
		if known == name {
			return int32(i)
		}
	}
	l.topics = append(l.topics, name)
	return int32(len(l.topics) - 1)
}

// Counts tells how many records were noted, by outcome.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Counts{Acked: l.counts[acked], Maybe: l.counts[unknown], Aborted: l.counts[aborted]}
}

// Counts are numbers of produced records by outcome.
type Counts struct {
	Acked   int `json:"acked"`
	Maybe   int `json:"maybe"`
	Aborted int `json:"aborted"`
}
