package task

import (
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Head is the typed place in which a queue keeps its first record.
type Head interface {
	// Decode reads a record and tells its time in milliseconds; a negative time
	// drops it. partitionTime is the largest time of the partition so far, -1
	// before the first.
	Decode(r *kgo.Record, partitionTime int64) (at int64, err error)
	// Process passes the decoded record to the nodes behind the source.
	Process() error
}

// queue holds the records of one partition that were fetched and not processed
// yet, in the order of their offsets. Only the first is decoded.
type queue struct {
	in   Partition
	head Head
	node string // the source
	flow *Flow  // of the source

	raw  []*kgo.Record // raw[next:] wait
	next int

	first *kgo.Record // decoded in head; nil if the queue is empty
	at    int64       // time of first

	time    int64 // partition time: the largest time so far, -1 before the first
	fetched int64 // the next offset that will be added; -1 unknown
	end     int64 // the log ends here as far as we know; -1 unknown

	empty time.Time // since when it is empty; zero while it is not, or it is not known
}

func (q *queue) size() int {
	n := len(q.raw) - q.next
	if q.first != nil {
		n++
	}
	return n
}

func (q *queue) add(records []*kgo.Record) {
	if q.next == len(q.raw) {
		q.raw, q.next = q.raw[:0], 0
	}
	q.raw = append(q.raw, records...)
	if n := len(records); n > 0 {
		q.fetched = max(q.fetched, records[n-1].Offset+1)
	}
}

// pop takes the next record that waits, or nil.
func (q *queue) pop() *kgo.Record {
	if q.next == len(q.raw) {
		return nil
	}
	r := q.raw[q.next]
	q.raw[q.next] = nil
	q.next++
	return r
}

// unpop puts back what was popped last.
func (q *queue) unpop(r *kgo.Record) {
	q.next--
	q.raw[q.next] = r
}

// decode reads a record into head. Serdes and timestamp functions are code of the
// user: what they panic with is an error, with its stack.
func (q *queue) decode(r *kgo.Record) (at int64, stack string, err error) {
	defer func() {
		if p := recover(); p != nil {
			at, stack, err = 0, string(debug.Stack()), panicError(p)
		}
	}()
	at, err = q.head.Decode(r, q.time)
	return at, "", err
}

// read is whether the broker is known to have nothing more.
func (q *queue) read() bool { return q.end >= 0 && q.fetched >= q.end }
