package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/statedir"
	"mm2/streams/internal/task"
)

// thread is one incarnation of a thread.
type thread struct {
	app    *App
	number int
	log    *slog.Logger
	hard   context.Context // ends when nothing more is waited for

	consumer *kgo.Client
	bal      *balancer.Balancer
	out      *producer
	restore  *restorer
	none     context.Context // is over: for polls that only hold off rebalances

	mu         sync.Mutex // held by a round, or by a callback of the group; guards what follows
	tasks      map[task.ID]*owned
	joined     bool // an assignment came
	closed     bool
	n          int // records that a task processes in one go
	lastCommit time.Time
	lastPurge  time.Time
	followUp   time.Time // when the next rebalance is due; zero if none is
	progress   func()    // is told of each commit

	failMu sync.Mutex // guards failed
	failed error      // found where no round could be told

	answerMu sync.Mutex // guards answer and answered
	answer   assign.Assignment
	answered bool

	startsMu    sync.Mutex // guards what follows
	fetched     map[tp]start
	starts      map[tp]start
	texts       map[int32]text // of tasks that are run directly
	foundInputs []found

	// Of a topology that is run directly.
	readers     map[string]*reader // by cluster
	arrived     chan arrival
	grown       atomic.Bool
	finding     context.Context // ends with the incarnation
	stopFinding context.CancelFunc
	finders     sync.WaitGroup

	purges sync.WaitGroup
}

func (t *thread) fail(err error) {
	t.failMu.Lock()
	defer t.failMu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
}

func (t *thread) failure() error {
	t.failMu.Lock()
	defer t.failMu.Unlock()
	return t.failed
}

// round is one round of the loop. Rebalances are held off from the poll to its
// end, so that no callback sees a task between two records.
func (t *thread) round(soft context.Context) error {
	began := time.Now()
	fetches, arrived := t.poll(soft)
	t.app.metrics.tasks.spent(t.number, polls, time.Since(began))
	t.mu.Lock()
	err := t.work(fetches, arrived)
	t.mu.Unlock()
	t.consumer.AllowRebalance()
	return err
}

// poll waits for records until something else is due. Its end holds off
// rebalances, which kgo does of itself only when there are records.
func (t *thread) poll(soft context.Context) (kgo.Fetches, []arrival) {
	s := &t.app.cfg.Settings
	t.mu.Lock()
	wait := s.PollTimeout
	now := time.Now()
	for _, o := range t.tasks {
		if o.phase == running {
			if at, ok := o.task.NextWallClock(); ok {
				wait = min(wait, at.Sub(now))
			}
		}
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(soft, max(wait, time.Millisecond))
	defer cancel()
	if t.app.layout.direct {
		return t.pollDirect(ctx)
	}
	fetches := t.consumer.PollRecords(ctx, s.Main.MaxPollRecords)
	if len(fetches) == 0 {
		fetches = t.consumer.PollRecords(t.none, 1)
	}
	return fetches, nil
}

func (t *thread) work(fetches kgo.Fetches, arrived []arrival) error {
	if err := t.failure(); err != nil {
		return err
	}
	if err := t.heed(); err != nil {
		return err
	}
	if err := t.take(arrival{fetches: fetches}); err != nil {
		return err
	}
	for _, a := range arrived {
		if err := t.take(a); err != nil {
			return err
		}
	}
	if err := t.promote(); err != nil {
		return err
	}
	if err := t.process(); err != nil {
		return err
	}
	t.purge()
	t.tell()
	return nil
}

// heed does what the leader said.
func (t *thread) heed() error {
	if a, ok := t.takeAnswer(); ok {
		if err := a.Err(); err != nil {
			return refusal(err)
		}
		if len(a.Unseen) > 0 {
			t.consumer.ForceMetadataRefresh()
		}
		t.followUp = time.Time{}
		if a.FollowUp > 0 {
			t.followUp = time.Now().Add(a.FollowUp)
		}
	}
	t.grow()
	if !t.followUp.IsZero() && time.Now().After(t.followUp) {
		t.followUp = time.Time{}
		t.bal.Rejoin(t.consumer)
	}
	return nil
}

// take gives records to their tasks.
func (t *thread) take(a arrival) (err error) {
	limit := t.app.cfg.Settings.BufferedRecordsPerPartition
	committed := t.app.settingsOf(a.cluster).Main.ReadCommitted
	a.fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err != nil {
			return
		}
		if p.Err != nil {
			err = t.readError(a, p)
		}
		to := task.Partition{Cluster: a.cluster, Topic: p.Topic, Partition: p.Partition}
		o, in := t.inputOf(to)
		if o == nil || err != nil || a.owners != nil && a.owners[tp{p.Topic, p.Partition}] != in {
			return // it is another's by now
		}
		if o.phase != running {
			if len(p.Records) > 0 { // to pass them over would lose them
				err = fromBroker(fmt.Errorf("records of %s partition %d came while the partition was paused", p.Topic, p.Partition))
			}
			return
		}
		end := p.HighWatermark
		if committed {
			end = p.LastStableOffset
		}
		next := int64(0)
		if n := len(p.Records); n > 0 {
			next = p.Records[n-1].Offset + 1
			in.epoch = p.Records[n-1].LeaderEpoch
		}
		data := slices.DeleteFunc(p.Records, func(r *kgo.Record) bool { return r.Attrs.IsControl() })
		if err = o.task.Add(to, data); err != nil {
			return
		}
		o.task.SetEnd(to, next, end)
		t.app.metrics.consumed.Add(float64(len(data)))
		if o.task.Buffered(to) > limit {
			t.pause(to, in)
		}
	})
	return err
}

func (t *thread) inputOf(at task.Partition) (*owned, *input) {
	for _, o := range t.tasks {
		if in := o.inputs[at]; in != nil {
			return o, in
		}
	}
	return nil, nil
}

// readError is the error of what was fetched, by a reader or in the group.
func (t *thread) readError(a arrival, p kgo.FetchTopicPartition) error {
	if a.owners != nil {
		return t.directError(a.cluster, p.Topic, p.Partition, p.Err)
	}
	return t.fetchError(p.Topic, p.Partition, p.Err)
}

// fetchError is nil for what passes or is told otherwise.
func (t *thread) fetchError(topic string, partition int32, err error) error {
	var session *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return err
	case errors.As(err, &session):
		if classify(err) == uncaught {
			return err
		}
		t.log.Warn("the group could not be joined; it is tried again", "err", kafka.Explain(session.Err))
		return nil
	case errors.As(err, &loss):
		t.log.Warn("records are gone before they were read", "topic", topic, "partition", partition, "err", err)
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return fmt.Errorf("read %s partition %d: %w: the position is not in the log any more, and the source has none to start at; set the group's offsets", topic, partition, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return t.missing("", topic, err)
	}
	if classify(err) == uncaught {
		return fmt.Errorf("read %s partition %d: %w", topic, partition, kafka.Explain(err))
	}
	t.log.Warn("a partition could not be read; it is tried again", "topic", topic, "partition", partition, "err", kafka.Explain(err))
	return nil
}

// missing looks whether a topic that could not be read is gone for good.
func (t *thread) missing(cluster, topic string, cause error) error {
	if len(t.tasks) == 0 || topic == "" {
		return nil // the leader makes it, or says what is missing
	}
	counts, err := t.app.topicsOf(cluster).Partitions(t.hard, topic)
	if err != nil || counts[topic] > 0 {
		return err
	}
	kind := internaltopics.ErrMissingSourceTopic
	if cluster == "" && t.app.layout.internal(topic) {
		kind = internaltopics.ErrMissingInternalTopic
	}
	return &internaltopics.Error{
		Kind: kind, Topics: map[string]int32{qualified(cluster, topic): 0}, Detail: cause.Error(),
		Remedy: "It was deleted while it was read. Create it again, and reset the application if its state depends on what is gone.",
	}
}

// promote moves tasks on: those whose positions are known are restored, and
// those that are restored run.
func (t *thread) promote() error {
	for _, r := range t.restore.take() {
		o := t.tasks[r.id]
		if o == nil || o.phase != restoring {
			continue
		}
		if err := t.restored(o, r.err); err != nil {
			return err
		}
	}
	if err := t.direct(); err != nil {
		return err
	}
	for _, o := range t.sorted() {
		all := o.found || !t.app.layout.direct
		for at, in := range o.inputs {
			if in.known {
				continue
			}
			s, ok := t.takeStart(at)
			if !ok {
				all = false
				continue
			}
			in.start, in.known = s, true
			if o.phase == running { // a topic has grown into the task
				if err := t.feed(o, at, in); err != nil {
					return err
				}
				t.resume(at, in)
			}
		}
		if all && o.phase == waiting {
			if err := t.prepare(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare opens a task's rows and has them restored.
func (t *thread) prepare(o *owned) error {
	var err error
	o.rows, err = t.app.openRows(o.part, o.id.String(), func() (*statedir.Task, error) {
		return t.app.dir.Acquire(statedir.TaskID{Subtopology: int32(o.id.Subtopology), Partition: o.id.Partition}, fmt.Sprintf("thread %d", t.number))
	})
	if errors.Is(err, statedir.ErrOwned) {
		return nil // by a thread that is just closing it; the next round tries again
	}
	if err != nil {
		return err
	}
	o.phase = restoring
	t.app.show(o.id, o.rows.staged, false)
	t.restore.add(o.id, o.part, o.rows)
	return nil
}

// restored takes a task back from the restorer.
func (t *thread) restored(o *owned, err error) error {
	if errors.Is(err, errBeyond) {
		t.log.Warn("the rows of a task do not fit their changelog and are restored from the beginning", "task", o.id.String(), "err", err)
		o.rows.staged.Drop()
		t.app.hide(o.id, o.rows.staged)
		if err := errors.Join(o.rows.close(), o.rows.wipe(o.part, t.app.cfg.OpenDB)); err != nil {
			return err
		}
		t.app.show(o.id, o.rows.staged, false)
		t.restore.add(o.id, o.part, o.rows)
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore task %v: %w", o.id, err)
	}
	return t.begin(o)
}

// tell lets the application know whether the thread is at work.
func (t *thread) tell() {
	is := t.joined
	for _, o := range t.tasks {
		is = is && o.phase == running
	}
	t.app.ready(t.number, is)
}
