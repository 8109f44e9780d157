package kafka

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/pipeline"
)

// Kind is what can go wrong with one partition, as metrics and marks name it.
type Kind string

// The kinds of trouble. All but TargetWritten and RecordRefused lose records.
const (
	RetentionOvertook Kind = "retention_overtook" // the source deleted records before they were copied
	SourceTruncated   Kind = "source_truncated"   // the source lost records that were copied
	SourceRecreated   Kind = "source_recreated"   // the source topic has another id
	TargetRecreated   Kind = "target_recreated"   // the target topic has another id
	TargetTruncated   Kind = "target_truncated"   // the copy lost records
	TargetWritten     Kind = "target_written"     // somebody else wrote into the copy
	RecordRefused     Kind = "record_refused"     // the target will never take a record
)

// Kinds are all of them, in the order of the documentation.
func Kinds() []Kind {
	return []Kind{RetentionOvertook, SourceTruncated, SourceRecreated, TargetRecreated, TargetTruncated, TargetWritten, RecordRefused}
}

// LossPolicy says what is done about a partition in trouble. Halt parks it until
// a person acts. Skip accepts the loss and goes on with the oldest record that
// was not copied, behind what the copy has. Restart empties the copied partition
// and copies it anew from its beginning.
type LossPolicy string

// The policies for what loses records.
const (
	Halt    LossPolicy = "halt"
	Skip    LossPolicy = "skip"
	Restart LossPolicy = "restart"
)

// RefusedPolicy says what is done about a record that the target refuses: Park
// sets its partition aside, DeadLetter writes the record to the dead letter
// topic, SkipRecord leaves it out.
type RefusedPolicy string

// The policies for a record that the target refuses.
const (
	Park       RefusedPolicy = "park"
	DeadLetter RefusedPolicy = "dead-letter"
	SkipRecord RefusedPolicy = "skip"
)

// Policies is how a flow treats trouble. The zero value waits for a person,
// except where nothing was lost: TargetWritten is Skip when empty, every other
// LossPolicy Halt, and Refused is Park.
type Policies struct {
	RetentionOvertook LossPolicy
	SourceTruncated   LossPolicy
	SourceRecreated   LossPolicy
	TargetRecreated   LossPolicy // also for TargetTruncated
	TargetWritten     LossPolicy
	Refused           RefusedPolicy
	// DeadLetterTopic is on the target; needed with DeadLetter only.
	DeadLetterTopic string
}

func (p Policies) loss(k Kind) LossPolicy {
	switch k {
	case RetentionOvertook:
		return orDefault(p.RetentionOvertook, Halt)
	case SourceTruncated:
		return orDefault(p.SourceTruncated, Halt)
	case SourceRecreated:
		return orDefault(p.SourceRecreated, Halt)
	case TargetRecreated, TargetTruncated:
		return orDefault(p.TargetRecreated, Halt)
	case TargetWritten:
		return orDefault(p.TargetWritten, Skip)
	}
	return Halt
}

func (p Policies) refused() RefusedPolicy { return orDefault(p.Refused, Park) }

// Actions are what can be done about a kind, as metrics name it.
func (k Kind) Actions() []string {
	if k == RecordRefused {
		return []string{string(Park), string(DeadLetter), string(SkipRecord)}
	}
	return []string{string(Halt), string(Skip), string(Restart)}
}

// Trouble is told once for each partition that is set aside, and once for each
// loss that is accepted or made good, after the mark behind it is committed.
type Trouble struct {
	Kind      Kind
	Action    string             // see Kind.Actions
	Partition pipeline.Partition // of the source
	Offset    int64              // where the partition stood on the source; -1 if that does not matter
	// Lost is how many source offsets are given up by a Skip or a Restart, 0 if
	// none, -1 if nobody can tell. Offsets of control records and of what was
	// compacted away count.
	Lost int64
	// Foreign is how many records of somebody else were found in the copy.
	Foreign int64
	Text    string
}

// finding is trouble that was found and not treated yet.
type finding struct {
	kind Kind
	text string
	lost int64 // see Trouble; as far as a Skip is concerned
	gone int64 // the same for a Restart, which copies again what is still there
	// at is the mark's offset where it was found: elsewhere it is void. -1: anywhere.
	at      int64
	resume  int64 // source offset where Skip goes on; beginning: the oldest there is
	epoch   int32 // of the record before it, -1 unknown
	foreign int64
	letter  *letter // what becomes a dead letter
}

// beginning stands for the first offset that a source partition has.
const beginning = -1

// Error makes a finding the cause of a pipeline.PartitionError.
func (f *finding) Error() string { return f.text }

// aboutRecord tells whether a refusal is about the record, so that leaving it
// out would help. The others are about the topic or about us.
func aboutRecord(err error) bool {
	return slices.ContainsFunc([]error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
	}, func(k error) bool { return errors.Is(err, k) })
}
