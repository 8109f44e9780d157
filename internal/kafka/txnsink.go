package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// SinkConfig is what a TxnSink needs. The zero value of a tuning field means
// the default named beside it.
type SinkConfig struct {
	Dialer *Dialer
	Role   string       // client id suffix
	Admin  *kadm.Client // of the target; shared, not closed by the sink

	// TransactionalID makes the sink transactional. Empty is the at-least-once
	// variant: an idempotent producer, marks after acknowledgements, no fence.
	TransactionalID string
	Timeout         time.Duration // transaction timeout
	Marks           MarkTopic
	Worker          string // named in the claim
	Origin          string // id of the source cluster, named in the claim; empty if unknown

	// Partitions lists the target partitions that this lane writes, for the
	// search for hanging transactions. Called from the loop's goroutine.
	Partitions func() []pipeline.Partition
	// MaxBatchBytes is the largest batch the target topic takes. Called from
	// client goroutines.
	MaxBatchBytes func(topic string) int32
	// LargestBatch is the largest of them: no smaller buffer takes its records.
	LargestBatch func() int32

	Compression string        // see newCodec
	Linger      time.Duration // 20 ms: commits flush at once, so only full pipes wait; negative: none
	MaxBatch    int32         // bounds batches below what the target topic takes; 0: does not
	BufferBytes int64         // 8 MiB of records not yet acknowledged
	// DeadLetterTopic is not bounded by MaxBatch.
	DeadLetterTopic string

	// Policies say what is done when somebody else wrote into a copy, and
	// Trouble, if set, is told where that is Skip.
	Policies Policies
	Trouble  func(Trouble)
	// Shared says that others write into the copies by design: what they write
	// is not looked into.
	Shared bool

	Logger *slog.Logger
	// Healed, if set, is told of each hanging transaction that was finished.
	Healed func(commit bool)

	// Companions add records of mm2's own to each transaction.
	Companions []Companion
}

// Companion adds records to the transaction of the records they are about: what
// must be true together with them or not at all. Its methods are called by the
// goroutine of one lane, or of several lanes at once if it is shared.
type Companion interface {
	// Partitions are those that its records may go to. A crash of the target
	// can leave a transaction hanging there as anywhere else.
	Partitions() []pipeline.Partition
	// Records are produced in the transaction that makes next and segments
	// true, after the target has acknowledged what they are about; the sink
	// takes ownership. The commit may still fail. It must not keep its arguments.
	Records(next pipeline.Marks, segments []pipeline.Segment) []*kgo.Record
}

// OpenTimeout bounds one attempt to take a lane: fencing, healing, reading the
// marks. A target that needs longer is tried again.
const OpenTimeout = 60 * time.Second

const (
	// maxBatchBytes is Kafka's default for max.message.bytes.
	maxBatchBytes = 1048588
	smallestBatch = 1 << 10

	// largestRequest bounds one produce request, and with it one record.
	largestRequest = 512 << 20
)

// TxnSink writes batches and marks to one cluster in one transaction. It is
// the pipeline.Sink of replication. Its methods are called by one goroutine.
type TxnSink struct {
	cfg   SinkConfig
	codec *codec

	client  *kgo.Client
	inTxn   bool
	begun   time.Time
	written pipeline.Receipt // summaries, counts; segments are in acks
	acks    *acks            // of the present client
	owner   Owner            // who held the lane before the last Open
	suspect map[pipeline.Partition]int64
	trail   *trail // what the copies should look like
}

// NewTxnSink checks the configuration and opens nothing.
func NewTxnSink(cfg SinkConfig) (*TxnSink, error) {
	c, err := newCodec(cfg.Compression)
	if err != nil {
		return nil, err
	}
	if cfg.Linger == 0 {
		cfg.Linger = 20 * time.Millisecond
	}
	if cfg.BufferBytes == 0 {
		cfg.BufferBytes = 8 << 20
	}
	return &TxnSink{cfg: cfg, codec: c, trail: newTrail(cfg)}, nil
}

// Previous is who held the lane before the last Open; zero if nobody did.
func (s *TxnSink) Previous() Owner { return s.owner }

// Open implements pipeline.Sink: fence, finish what hangs, read the marks to
// the end, claim the lane. In that order and never in another: marks read
// before the fence could be overtaken by a transaction still in flight.
func (s *TxnSink) Open(ctx context.Context) (pipeline.Marks, error) {
	ctx, cancel := context.WithTimeout(ctx, OpenTimeout)
	defer cancel()
	s.Close()
	if err := s.dial(); err != nil {
		return nil, err
	}
	if s.transactional() {
		pid, _, err := s.client.ProducerID(ctx)
		if err != nil {
			return nil, endError("fence "+s.cfg.TransactionalID, err)
		}
		s.trail.ours[pid] = true
		if err := s.heal(ctx, pid); err != nil {
			return nil, err
		}
	}
	st, err := s.cfg.Marks.read(ctx, s.cfg.Dialer, s.cfg.Role+"|marks")
	if err != nil {
		return nil, err
	}
	if err := s.sameOrigin(st.owner); err != nil {
		return nil, err
	}
	s.owner = st.owner
	if err := s.claim(ctx); err != nil {
		return nil, fmt.Errorf("claim lane: %w", err)
	}
	return st.marks, nil
}

// sameOrigin refuses marks that belong to another source cluster: two meshes
// that give different clusters the same alias would mix them up.
func (s *TxnSink) sameOrigin(last Owner) error {
	if last.Origin == "" || s.cfg.Origin == "" || last.Origin == s.cfg.Origin {
		return nil
	}
	return &pipeline.FatalError{
		Err: fmt.Errorf("the marks in %s partition %d belong to the source cluster with id %s (written by worker %s), and ours has id %s",
			s.cfg.Marks.Topic, s.cfg.Marks.Partition, last.Origin, last.Worker, s.cfg.Origin),
		Remedy: "give each source cluster an alias of its own; if the source cluster was replaced on purpose, use a new alias, or stop all workers and delete the lanes topic, which copies everything again",
	}
}

func (s *TxnSink) transactional() bool { return s.cfg.TransactionalID != "" }

func (s *TxnSink) dial() error {
	opts := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(max(s.cfg.Linger, 0)),
		kgo.BrokerMaxWriteBytes(largestRequest),
		kgo.MaxBufferedBytes(int(s.bufferBytes())),
		kgo.MaxBufferedRecords(math.MaxInt32), // bytes are the bound
		kgo.WithCompressor(s.codec),
		kgo.ProducerBatchMaxBytesFn(s.batchBytes),
		kgo.ConcurrentTransactionsBackoff(2 * time.Millisecond),
		kgo.RequiredAcks(kgo.AllISRAcks()),
	}
	if s.transactional() {
		opts = append(opts, kgo.TransactionalID(s.cfg.TransactionalID), kgo.TransactionTimeout(s.cfg.Timeout))
	} else {
		opts = append(opts, kgo.StopProducerOnDataLossDetected())
	}
	cl, err := s.cfg.Dialer.Client(s.cfg.Role, opts...)
	if err != nil {
		return err
	}
	// What the last client still answers goes to its own acks.
	s.client, s.inTxn, s.acks = cl, false, &acks{}
	s.written = pipeline.Receipt{}
	return nil
}

// bufferBytes leaves room for two of the largest records: the client refuses a
// record that is larger than its buffer.
func (s *TxnSink) bufferBytes() int64 {
	if s.cfg.LargestBatch == nil {
		return s.cfg.BufferBytes
	}
	return max(s.cfg.BufferBytes, 2*int64(s.cfg.LargestBatch()))
}

func (s *TxnSink) batchBytes(topic string) int32 {
	if s.cfg.MaxBatchBytes == nil || topic == s.cfg.Marks.Topic {
		return maxBatchBytes
	}
	n := s.cfg.MaxBatchBytes(topic)
	if n <= 0 {
		n = maxBatchBytes
	}
	if s.cfg.MaxBatch > 0 && topic != s.cfg.DeadLetterTopic {
		n = min(n, s.cfg.MaxBatch)
	}
	return min(max(n, smallestBatch), largestRequest-largestRequest/64) // what the client takes
}

// claim leaves a trace of this owner in the lane. Two owners that fence each
// other see each other's claims, which tells an assignment error from a
// transaction that timed out; and a lane that can claim can also commit.
func (s *TxnSink) claim(ctx context.Context) error {
	value, err := json.Marshal(Owner{Worker: s.cfg.Worker, Origin: s.cfg.Origin, Since: time.Now().UTC().Truncate(time.Millisecond)})
	if err != nil {
		return err
	}
	// The client makes a topic's partitions known to EndTransaction only after
	// it sent the first records there: a transaction that ends in between is
	// aborted without an error. So the mark partition, which is part of every
	// later transaction, is written once and answered before the record counts.
	if err := s.begin(); err != nil {
		return err
	}
	s.client.Produce(ctx, s.cfg.Marks.record(ownerKey, string(value)), s.acks.mark(pipeline.Partition(s.cfg.Marks)))
	if err := s.flush(ctx); err != nil {
		return err
	}
	_, err = s.Commit(ctx, pipeline.Marks{ownerKey: string(value)})
	return err
}

func (s *TxnSink) begin() error {
	if s.inTxn {
		return nil
	}
	if s.transactional() {
		if err := s.client.BeginTransaction(); err != nil {
			return endError("begin transaction", err)
		}
	}
	s.inTxn, s.begun = true, time.Now()
	return nil
}

// Write implements pipeline.Sink. It blocks while BufferBytes are unanswered.
func (s *TxnSink) Write(ctx context.Context, b *pipeline.Batch) error {
	if err := s.acks.err(); err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	records := b.Records()
	s.written.Batches = append(s.written.Batches, pipeline.Summary{
		Source: b.Source, Records: int64(len(records)), Bytes: b.Bytes, ValueBytes: b.ValueBytes, Times: b.Times, Read: b.Read,
	})
	s.written.Records += int64(len(records))
	s.written.Bytes += b.Bytes
	if len(records) > 0 {
		s.codec.seen(records[0].Attrs)
	}
	if b.To.Topic == "" {
		for i := range records {
			r := records[i]
			s.client.Produce(ctx, r.Record, s.acks.one(b.Source, r.From, b.Base))
		}
		return s.acks.err()
	}
	promise := s.acks.run(b.Source, b.To, b.Base, records)
	for i := range records {
		r := records[i].Record
		r.Topic, r.Partition = b.To.Topic, b.To.Partition
		s.client.Produce(ctx, r, promise)
	}
	return s.acks.err()
}

// Commit implements pipeline.Sink. The at-least-once variant waits for the
// records before it writes the marks, so that no mark is ahead of its output.
func (s *TxnSink) Commit(ctx context.Context, next pipeline.Marks) (*pipeline.Receipt, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	if !s.transactional() {
		if err := s.flush(ctx); err != nil {
			return nil, err
		}
	}
	promise := s.acks.mark(pipeline.Partition(s.cfg.Marks))
	for k, v := range next {
		s.client.Produce(ctx, s.cfg.Marks.record(k, v), promise)
	}
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	if err := s.trail.follow(s.acks.take()); err != nil {
		return nil, err
	}
	if err := s.accompany(ctx, next); err != nil {
		return nil, err
	}
	if s.transactional() {
		if err := s.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return nil, endError("commit transaction", err)
		}
	}
	s.trail.committed()
	r := s.written
	r.Marks, r.Segments, r.At = next, s.acks.take(), time.Now()
	r.Took = r.At.Sub(s.begun)
	s.inTxn = false
	s.reset()
	return &r, nil
}

// accompany produces what commits together with the records. It comes after
// their acknowledgement, which tells where on the target they are.
func (s *TxnSink) accompany(ctx context.Context, next pipeline.Marks) error {
	produced := false
	for _, c := range s.cfg.Companions {
		for _, r := range c.Records(next, s.acks.take()) {
			s.client.Produce(ctx, r, s.acks.mark(pipeline.Partition{Topic: r.Topic, Partition: r.Partition}))
			produced = true
		}
	}
	if !produced {
		return nil
	}
	return s.flush(ctx)
}

// flush waits until everything is answered; a record that failed fails it.
func (s *TxnSink) flush(ctx context.Context) error {
	if err := s.client.Flush(ctx); err != nil {
		if aerr := s.acks.err(); aerr != nil {
			return aerr
		}
		return fmt.Errorf("wait for acknowledgements: %w", err)
	}
	return s.acks.err()
}

// Abort implements pipeline.Sink. What it cannot end, the next Open does.
func (s *TxnSink) Abort(ctx context.Context) error {
	defer s.Close()
	if s.client == nil || !s.inTxn {
		return nil
	}
	s.inTxn = false
	if err := s.client.AbortBufferedRecords(ctx); err != nil {
		return fmt.Errorf("drop buffered records: %w", err)
	}
	if !s.transactional() {
		return nil
	}
	err := s.client.EndTransaction(ctx, kgo.TryAbort)
	// Already ended by a fence or a timeout: there is nothing left to abort.
	if err == nil || errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidTxnState) {
		return nil
	}
	return fmt.Errorf("abort transaction: %w", err)
}

// Close drops the producer. An open transaction stays open until Open or the
// transaction timeout ends it, so call Abort first where that matters.
func (s *TxnSink) Close() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

func (s *TxnSink) reset() {
	s.written = pipeline.Receipt{}
	s.acks.reset()
}
