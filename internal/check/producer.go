package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Workload says what a [Producer] writes.
type Workload struct {
	Topic string
	// Rate is records a second; 0 is as fast as the client takes them.
	Rate float64
	// Limit ends the run after that many records; 0: when its context ends.
	Limit int

	// Transaction is how many records one transaction has; 0 produces without
	// transactions. The client must have a transactional id if it is set.
	Transaction int
	// AbortEvery aborts every n-th transaction; 0 aborts none.
	AbortEvery int

	// Fill makes the n-th record, counted from 0: key, value, headers,
	// timestamp, partition. The topic is set before, the id is added after, as
	// the last header, unless Fill put it into the value (see [NumberOf]). Nil
	// means [Filler] with 100 bytes.
	Fill func(n int, id ID, r *kgo.Record)

	// Grace is how long records already handed to the client may take to be
	// acknowledged after the context ended; default 30s. What is not
	// acknowledged by then has an unknown outcome.
	Grace time.Duration
}

// Producer writes numbered records to a topic and notes in a [Log] what became
// of them. It runs once.
type Producer struct {
	client   *kgo.Client
	log      *Log
	workload Workload
	number   uint32
	written  atomic.Int64

	mu      sync.Mutex // guards what follows
	pending []*kgo.Record
	failed  error // the first error of a record
}

// NewProducer returns a producer of workload. The client belongs to the caller
// and must not be closed before Run returned.
func NewProducer(client *kgo.Client, log *Log, workload Workload) *Producer {
	if workload.Fill == nil {
		workload.Fill = Filler(100)
	}
	if workload.Grace == 0 {
		workload.Grace = 30 * time.Second
	}
	return &Producer{
		client:   client,
		log:      log,
		workload: workload,
		number:   rand.Uint32N(1 << (64 - sequenceBits)),
	}
}

// Written is the number of records handed to the client so far.
func (p *Producer) Written() int { return int(p.written.Load()) }

// Run writes until the context or the workload ends, and then waits until every
// record has an outcome. It returns nil if the context ended, and an error if a
// record failed or a transaction could not be ended; such records are noted as
// of unknown outcome.
func (p *Producer) Run(ctx context.Context) error {
	// Records that were handed over are waited for after ctx ended, because
	// giving them up would leave their outcome unknown.
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stopGrace := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(p.workload.Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-hard.Done():
		}
	})
	defer stopGrace()

	var err error
	if p.workload.Transaction > 0 {
		err = p.transactions(ctx, hard)
	} else {
		err = p.plain(ctx, hard)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(err, p.failed)
}

func (p *Producer) plain(ctx, hard context.Context) error {
	pace := newPace(p.workload.Rate)
	defer pace.stop()
	for n := 0; p.more(n) && pace.wait(ctx); n++ {
		p.produce(hard, n, p.settle)
	}
	if err := p.client.Flush(hard); err != nil {
		return fmt.Errorf("flush records of %s: %w", p.workload.Topic, err)
	}
	return nil
}

func (p *Producer) more(n int) bool { return p.workload.Limit == 0 || n < p.workload.Limit }

// settle notes a record outside of transactions.
func (p *Producer) settle(r *kgo.Record, err error) {
	if err != nil {
		p.fail(r, err)
		return
	}
	p.log.Acked(r)
}

func (p *Producer) fail(r *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = fmt.Errorf("produce to %s: %w", r.Topic, err)
	}
}

func (p *Producer) produce(hard context.Context, n int, promise func(*kgo.Record, error)) {
	id := NewID(p.number, uint64(n))
	r := &kgo.Record{Topic: p.workload.Topic}
	p.workload.Fill(n, id, r)
	if found, ok := NumberOf(r); !ok || found != id {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: Header, Value: []byte(id.String())})
	}
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now().Truncate(time.Millisecond)
	}
	// Whatever happens from here on, its outcome is unknown until it is told.
	p.log.Maybe(r)
	p.written.Add(1)
	p.client.Produce(hard, r, promise)
}

func (p *Producer) transactions(ctx, hard context.Context) error {
	pace := newPace(p.workload.Rate)
	defer pace.stop()
	for n, t := 0, 1; p.more(n); t++ {
		if err := p.client.BeginTransaction(); err != nil {
			return fmt.Errorf("begin transaction %d: %w", t, err)
		}
		first := n
		for n < first+p.workload.Transaction && p.more(n) && pace.wait(ctx) {
			p.produce(hard, n, p.hold)
			n++
		}
		commit := p.workload.AbortEvery == 0 || t%p.workload.AbortEvery != 0
		if err := p.end(hard, commit); err != nil {
			return fmt.Errorf("end transaction %d: %w", t, err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// hold keeps a record until its transaction ends.
func (p *Producer) hold(r *kgo.Record, err error) {
	if err != nil {
		r.Offset = -1
		p.fail(r, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = append(p.pending, r)
}

// end ends the transaction and notes its records. A transaction with a failed
// record is aborted.
func (p *Producer) end(hard context.Context, commit bool) error {
	flushed := p.client.Flush(hard)
	p.mu.Lock()
	records := p.pending
	p.pending = nil
	broken := p.failed
	p.mu.Unlock()

	err := errors.Join(flushed, broken)
	if err != nil {
		commit = false
	}
	ended := p.client.EndTransaction(hard, kgo.TransactionEndTry(commit))
	if ended != nil {
		return errors.Join(err, ended)
	}
	note := p.log.Aborted
	if commit {
		note = p.log.Acked
	}
	for _, r := range records {
		note(r)
	}
	return err
}

// Filler makes plain records: keys that repeat, values of size bytes that say
// their number, no headers but the id, the time of production.
func Filler(size int) func(n int, id ID, r *kgo.Record) {
	return func(n int, _ ID, r *kgo.Record) {
		r.Key = fmt.Appendf(nil, "key-%d", n%97)
		r.Value = fmt.Appendf(make([]byte, 0, max(size, 24)), "record %d ", n)
		for i := len(r.Value); i < size; i++ {
			r.Value = append(r.Value, 'a'+byte((n+i)%26))
		}
	}
}

// pace lets records through at a rate.
type pace struct {
	ticker *time.Ticker
	start  time.Time
	rate   float64
	passed float64
}

const paceTick = 10 * time.Millisecond

func newPace(rate float64) *pace {
	p := &pace{rate: rate, start: time.Now()}
	if rate > 0 {
		p.ticker = time.NewTicker(paceTick)
	}
	return p
}

func (p *pace) stop() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
}

// wait returns when the next record is due; false if ctx ended.
func (p *pace) wait(ctx context.Context) bool {
	for p.rate > 0 && p.passed >= time.Since(p.start).Seconds()*p.rate {
		select {
		case <-ctx.Done():
			return false
		case <-p.ticker.C:
		}
	}
	p.passed++
	return ctx.Err() == nil
}
