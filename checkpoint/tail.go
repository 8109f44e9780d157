package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
)

// groupTail is one reading of the offsets topic beside snapshots.
type groupTail struct {
	f      *Follower
	client *kgo.Client

	last  snapshot        // all that was committed below floor is in it
	floor map[int32]int64 // by partition of the offsets topic
	due   time.Time       // when the next snapshot is taken

	held   map[groupPartition]Change // the newest of groups that no listing has named yet
	listed time.Time
}

// tail reads the offsets topic until something fails. Only decided commits
// count: those in a transaction come when it ends, and never if it aborts.
func (f *Follower) tail(ctx context.Context) error {
	decided, _, err := f.ends(ctx)
	if err != nil {
		return err
	}
	starts := make(map[int32]kgo.Offset, len(decided))
	for p, end := range decided {
		starts[p] = kgo.NewOffset().At(end)
	}
	client, err := f.source.Client(f.cfg.Flow.ID.String()+"|groups-tail",
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Commits are small; what comes at once is a backlog of milliseconds.
		kgo.FetchMaxBytes(4<<20), kgo.FetchMaxPartitionBytes(1<<20),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{f.cfg.OffsetsTopic: starts}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer client.Close()
	t := &groupTail{f: f, client: client, held: map[groupPartition]Change{}}
	for {
		if !time.Now().Before(t.due) {
			if err := t.snapshot(ctx); err != nil {
				return err
			}
			f.works(t.last)
		}
		if len(t.held) > 0 && time.Since(t.listed) >= listPause {
			if _, err := t.refresh(ctx); err != nil {
				return err
			}
		}
		if err := t.read(ctx); err != nil {
			return err
		}
	}
}

// listPause is the shortest time between two listings for groups that have just
// appeared.
const listPause = time.Second

// snapshot reads what all groups have. Every commit below the ends listed
// before is in it, unless a transaction still holds it, so the tail's older
// records of the same positions do not count any more: they would look like
// resets.
func (t *groupTail) snapshot(ctx context.Context) error {
	begun := time.Now()
	decided, floor, err := t.f.ends(ctx)
	if err != nil {
		return err
	}
	if t.f.blocked(decided, floor) {
		return errBlocked
	}
	l, err := t.refresh(ctx)
	if err != nil {
		return err
	}
	s, err := t.f.fetch(ctx, l)
	if err != nil {
		return err
	}
	t.last, t.floor, t.due = s, floor, begun.Add(t.f.cfg.SnapshotInterval)
	t.f.settle(s)
	return nil
}

// errBlocked says that a transaction on the source hides what comes after it.
var errBlocked = errors.New("a transaction that does not end hides newer positions")

// blocked reports whether a partition of the offsets topic has stood still,
// with records that nobody may read yet, since the last look.
func (f *Follower) blocked(decided, ends map[int32]int64) bool {
	undecided := map[int32]int64{}
	blocked := false
	for p, d := range decided {
		if ends[p] <= d {
			continue
		}
		undecided[p] = d
		before, known := f.undecided[p]
		blocked = blocked || known && before == d
	}
	f.undecided = undecided
	return blocked
}

// refresh asks what groups there are and lets go what was held for the answer.
func (t *groupTail) refresh(ctx context.Context) (listing, error) {
	t.listed = time.Now()
	l, err := t.f.refresh(ctx)
	if err != nil {
		return listing{}, err
	}
	var changes []Change
	for at, c := range t.held {
		class, listed := t.f.classes[at.group]
		if listed && class == followed {
			changes = append(changes, c)
		}
		if listed || l.complete {
			delete(t.held, at)
		}
	}
	t.f.deliver(changes)
	return l, nil
}

// read waits for records, but no longer than until something else is due.
func (t *groupTail) read(ctx context.Context) error {
	until := t.due
	if listed := t.listed.Add(listPause); len(t.held) > 0 && listed.Before(until) {
		until = listed
	}
	pctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	fetches := t.client.PollFetches(pctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, e := range fetches.Errors() {
		if pctx.Err() != nil && errors.Is(e.Err, pctx.Err()) {
			continue // nothing came
		}
		return fmt.Errorf("tail %s/%d: %w", e.Topic, e.Partition, kafka.Explain(e.Err))
	}
	var changes []Change
	var bad error
	fetches.EachRecord(func(r *kgo.Record) {
		c, ok, err := decodeCommit(r)
		switch {
		case err != nil:
			bad = err
		case ok && bad == nil && t.f.replicates(c.Partition.Topic) && t.f.selects(c.Group):
			changes = t.take(changes, c, r)
		}
	})
	t.f.deliver(changes)
	return bad
}

// take sorts a change by what its group is.
func (t *groupTail) take(changes []Change, c Change, r *kgo.Record) []Change {
	at := groupPartition{c.Group, c.Partition}
	if r.Offset < t.floor[r.Partition] && t.last.tells(at) {
		return changes
	}
	class, listed := t.f.classes[c.Group]
	switch {
	case !listed:
		t.held[at] = c
	case class == followed:
		changes = append(changes, c)
	}
	return changes
}

// ends are the last stable offsets of the offsets topic and, listed after them,
// its high watermarks.
func (f *Follower) ends(ctx context.Context) (decided, ends map[int32]int64, err error) {
	adm := kadm.NewClient(f.client)
	if decided, err = offsetsOf(adm.ListCommittedOffsets(ctx, f.cfg.OffsetsTopic)); err == nil {
		ends, err = offsetsOf(adm.ListEndOffsets(ctx, f.cfg.OffsetsTopic))
	}
	if err == nil && (len(decided) == 0 || len(ends) != len(decided)) {
		err = kerr.UnknownTopicOrPartition
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the ends of %s: %w", f.cfg.OffsetsTopic, kafka.Explain(err))
	}
	return decided, ends, nil
}

func offsetsOf(listed kadm.ListedOffsets, err error) (map[int32]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}
