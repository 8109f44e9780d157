package streams

import (
	"context"
	"log/slog"
	"time"

	"mm2/streams/internal/null"
)

func (n *processorNode[KI, VI, KO, VO]) Context() context.Context { return n.task.Context() }

func (n *processorNode[KI, VI, KO, VO]) ApplicationID() string { return n.task.ApplicationID() }
func (n *processorNode[KI, VI, KO, VO]) TaskID() TaskID        { return n.task.ID() }
func (n *processorNode[KI, VI, KO, VO]) StateDir() string      { return n.task.StateDir() }

func (n *processorNode[KI, VI, KO, VO]) Metadata() (RecordMetadata, bool) { return n.task.Metadata() }
func (n *processorNode[KI, VI, KO, VO]) WallClock() time.Time             { return n.task.Now() }
func (n *processorNode[KI, VI, KO, VO]) Commit()                          { n.task.RequestCommit() }
func (n *processorNode[KI, VI, KO, VO]) Logger() *slog.Logger {
	return n.task.Logger().With("node", n.name)
}

func (n *processorNode[KI, VI, KO, VO]) StreamTime() time.Time {
	if at := n.task.StreamTime(); at >= 0 {
		return millis(at)
	}
	return time.Time{}
}

func (n *processorNode[KI, VI, KO, VO]) StoreByName(name string) (any, error) {
	return n.task.Store(n.name, name)
}

func (n *processorNode[KI, VI, KO, VO]) Schedule(every time.Duration, kind PunctuationType, fn func(now time.Time) error) Cancel {
	return n.ScheduleFrom(time.Time{}, every, kind, fn)
}

func (n *processorNode[KI, VI, KO, VO]) ScheduleFrom(start time.Time, every time.Duration, kind PunctuationType, fn func(now time.Time) error) Cancel {
	if every < time.Millisecond {
		every = time.Millisecond
	}
	return n.task.Schedule(n.name, every, kind, start, func(now time.Time) error {
		err := fn(now)
		if n.failed != nil {
			err, n.failed = n.failed, nil
		}
		return err
	})
}

// nulls knows which of a record's types can be nil.
type nulls[K, V any] struct {
	key   func(K) bool
	value func(V) bool
}

func nullsOf[K, V any]() nulls[K, V] { return nulls[K, V]{null.Check[K](), null.Check[V]()} }

// settle makes nil and the null flags say the same: a nil is a null, and a null
// has the zero value.
func (n nulls[K, V]) settle(r *Record[K, V]) {
	if n.key != nil {
		r.NullKey = r.NullKey || n.key(r.Key)
	}
	if n.value != nil {
		r.NullValue = r.NullValue || n.value(r.Value)
	}
	if r.NullKey {
		var zero K
		r.Key = zero
	}
	if r.NullValue {
		var zero V
		r.Value = zero
	}
}

func (n *processorNode[KI, VI, KO, VO]) dropped(why string) { n.task.Dropped(n.name, why) }

func (n *processorNode[KI, VI, KO, VO]) emitted() { n.task.Emitted(n.name) }

func (n *processorNode[KI, VI, KO, VO]) as(m RecordMetadata, fn func()) { n.task.As(m, fn) }

func (n *processorNode[KI, VI, KO, VO]) keep(key string, value int64)  { n.task.Keep(key, value) }
func (n *processorNode[KI, VI, KO, VO]) kept(key string) (int64, bool) { return n.task.Kept(key) }
func (n *processorNode[KI, VI, KO, VO]) throttle() time.Duration       { return n.task.Throttle() }
