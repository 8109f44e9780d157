package pipeline

import (
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Marks says where each source partition resumes. Keys and values are the
// source's own encoding: the sink stores them, only the source reads them.
type Marks map[string]string

// Merge sets every mark of next in m.
func (m Marks) Merge(next Marks) { maps.Copy(m, next) }

// Partition is one partition of a topic, on either side.
type Partition struct {
	Topic     string
	Partition int32
}

// Record is what will be produced, with the source offset it was read at. From
// is kept apart because the client overwrites Offset when it produces a record.
type Record struct {
	*kgo.Record
	// From is the source offset in Batch.Source; -1 if a stage made the record up or
	// sent it elsewhere than to the copy, so that it has no place in an offset map.
	From int64
}

// Size is the uncompressed size of a record's key, value and headers.
func Size(r *kgo.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}

// Batch is consecutive source offsets [Base, Limit) of one source partition.
// It may hold fewer records than offsets: control, aborted and filtered records
// count as read. A batch with no records only moves marks.
//
// A batch is owned by whoever holds it: the source hands it to the loop, the
// loop lends it to each stage in turn and gives it away to the sink. Nobody
// keeps it or its records after passing it on.
type Batch struct {
	Source      Partition
	Base, Limit int64

	// To is where every record of the batch goes. While it is zero each record
	// carries its own Topic and Partition. A stage that sends a whole batch
	// elsewhere sets To and need not look at the records. A batch that its source
	// has sent somewhere (a dead letter) passes no stage.
	To Partition
	// Scattered says that a stage has sent records to several topics: To stays
	// zero. Those that it has sent elsewhere, and those that it made up, have From
	// -1 and a Topic and Partition on the target; the others are the copy's.
	Scattered bool

	// Next is true once this batch commits; it covers dropped and control records.
	Next Marks
	// Urgent asks for a commit of Next as soon as the input runs dry, also
	// without records.
	Urgent bool

	// Bytes is the Size of all records, ValueBytes that of the values alone.
	Bytes, ValueBytes int64
	// Times are those of the records as they were read.
	Times
	// Read is when the source handed the batch out.
	Read time.Time

	records []Record
}

// Records are the batch's records in source order. The slice stays valid until
// the batch is passed on; a stage that changes which records there are calls
// SetRecords.
//
// Stages and sinks reach records only through this method, so that a batch may
// be carried in another form (a RecordBatch as fetched) and decoded on demand.
func (b *Batch) Records() []Record { return b.records }

// SetRecords replaces the records. The batch takes ownership of the slice.
func (b *Batch) SetRecords(records []Record) { b.records = records }

// Len is the number of records, known without decoding them.
func (b *Batch) Len() int { return len(b.records) }

// Segment maps Count source offsets from SourceBase to Count target offsets
// from TargetBase, exactly and without gaps.
type Segment struct {
	Source     Partition
	SourceBase int64
	Target     Partition
	TargetBase int64
	Count      int64
}

// Receipt is what one commit made visible on the target.
type Receipt struct {
	Marks    Marks
	Segments []Segment // in the order of acknowledgement; in source order within a partition
	Batches  []Summary // one for each batch that carried records
	Records  int64
	Bytes    int64
	Took     time.Duration // from the first write to the end of the commit
	At       time.Time     // when the commit was known to have succeeded
}

// Summary is what is left of a batch after its commit.
type Summary struct {
	Source            Partition
	Records           int64
	Bytes, ValueBytes int64
	Times
	Read time.Time
}
