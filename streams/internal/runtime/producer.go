package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/task"
)

// tp names a partition.
type tp struct {
	topic     string
	partition int32
}

// producer is what the tasks of one thread send through. Its methods belong to
// who holds the thread's mutex; acknowledgements come from goroutines of the
// client.
type producer struct {
	client *kgo.Client
	away   map[string]*kgo.Client // of other clusters with sinks
	txns   bool
	inTxn  bool
	sent   int // at home, since the last take

	mu     sync.Mutex // guards what follows
	acked  int        // at home, since the last take
	next   map[tp]int64
	failed []failedOutput
}

// failedOutput is a record that was not written.
type failedOutput struct {
	task task.ID
	out  *task.Output
	err  error
}

func newProducer(client *kgo.Client, txns bool) *producer {
	return &producer{client: client, txns: txns, next: make(map[tp]int64)}
}

// send hands a record to the client. A transaction begins with the first one.
func (p *producer) send(ctx context.Context, id task.ID, o *task.Output) error {
	client := p.away[o.Cluster]
	if client == nil && o.Cluster != "" {
		return fmt.Errorf("send to %s on cluster %s: no sink of the topology is there", o.Topic, o.Cluster)
	}
	if client == nil && p.txns && !p.inTxn {
		if err := p.client.BeginTransaction(); err != nil {
			return fmt.Errorf("begin a transaction: %w", fromBroker(err))
		}
		p.inTxn = true
	}
	r := &kgo.Record{Topic: o.Topic, Partition: o.Partition, Key: o.Key, Value: o.Value, Headers: o.Headers}
	if o.Time >= 0 {
		r.Timestamp = time.UnixMilli(o.Time)
	}
	if o.Partition < 0 {
		switch {
		case o.PartitionKey != nil:
			r.Partition = byKey(o.PartitionKey)
		case o.Key != nil:
			r.Partition = byKey(o.Key)
		}
	}
	if client == nil {
		client = p.client
		p.sent++
	}
	client.Produce(ctx, r, func(r *kgo.Record, err error) { p.answered(id, o, r, err) })
	return nil
}

func (p *producer) answered(id task.ID, o *task.Output, r *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed = append(p.failed, failedOutput{id, o, err})
		return
	}
	if o.Cluster == "" {
		p.acked++
	}
	if o.Changelog {
		at := tp{r.Topic, r.Partition}
		p.next[at] = max(p.next[at], r.Offset+1)
	}
}

// failures takes what was not written.
func (p *producer) failures() []failedOutput {
	p.mu.Lock()
	defer p.mu.Unlock()
	failed := p.failed
	p.failed = nil
	return failed
}

func (p *producer) hasFailures() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.failed) > 0
}

// take is how many records were acknowledged since the last take, and the
// offsets after those of changelogs.
func (p *producer) take() (acked int, next map[tp]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	acked, next = p.acked, p.next
	p.acked, p.next, p.sent = 0, make(map[tp]int64, len(next)), 0
	return acked, next
}

// abort ends the transaction, if there is one, as far as that is possible: the
// next incarnation of the thread has the same transactional id and ends it
// otherwise.
func (p *producer) abort(ctx context.Context) error {
	away := p.dropAway(ctx)
	if err := p.client.AbortBufferedRecords(ctx); err != nil {
		return errors.Join(away, fmt.Errorf("drop records that were not sent: %w", fromBroker(err)))
	}
	if !p.inTxn {
		return away
	}
	p.inTxn = false
	if err := p.client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return errors.Join(away, fmt.Errorf("abort the transaction: %w", fromBroker(err)))
	}
	return away
}

// collector is the producer as one task sees it.
type collector struct {
	t  *thread
	id task.ID
}

// Send implements task.Collector.
func (c collector) Send(o *task.Output) error {
	t := c.t
	if o.Cluster == t.app.cfg.Home {
		o.Cluster = ""
	}
	t.app.metrics.sent.Inc()
	return t.out.send(t.hard, c.id, o)
}

// Partitions implements task.Collector.
func (c collector) Partitions(cluster, topic string) (int32, error) {
	if cluster == c.t.app.cfg.Home {
		cluster = ""
	}
	return c.t.app.partitions(c.t.hard, qualified(cluster, topic))
}

// judge asks the handler about records that were not written. Nil means that the
// tasks go on without them, or that they were sent again. It is called between
// records, so that no record is blamed that has nothing to do with it.
func (t *thread) judge() error {
	for _, f := range t.out.failures() {
		err := fmt.Errorf("write to %s: %w", qualified(f.out.Cluster, f.out.Topic), f.err)
		o := t.tasks[f.task]
		if f.out.Changelog || !ofRecord(f.err) || o == nil || o.task == nil {
			return fromBroker(err)
		}
		o.answer = task.Fail
		if err = o.task.NotSent(f.out.Node, f.out, err); err == nil {
			continue
		}
		if o.answer != task.Retry {
			return err
		}
		if err := t.out.send(t.hard, f.task, f.out); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until everything that was sent is written, or judged.
func (t *thread) settle(ctx context.Context) error {
	s := &t.app.cfg.Settings
	limit := s.Producer.DeliveryTimeout
	if limit <= 0 {
		limit = s.TaskTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if err := t.out.flush(ctx); err != nil {
			return err
		}
		if !t.out.hasFailures() {
			return nil
		}
		if err := t.judge(); err != nil {
			return err
		}
	}
}
