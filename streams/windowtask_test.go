package streams_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/serde"
	"mm2/streams/state"
)

// running is a topology of one source as a task, with all that the driver of
// streamstest hides: the wall clock's throttle, what is committed beside the
// offsets, and records as they are sent.
type running struct {
	t         *testing.T
	task      *task.Task
	now       time.Time
	throttle  time.Duration
	offset    int64
	committed task.Committed
	sent      []*task.Output
	dropped   map[string]int
	nodes     []*graph.Node
	stores    []*graph.Store
	rows      map[string]state.Rows
}

func run(t *testing.T, throttle time.Duration, build func(b *streams.Builder)) *running {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{
		t: t, now: time.UnixMilli(0), throttle: throttle, dropped: map[string]int{}, rows: map[string]state.Rows{},
		committed: task.Committed{PartitionTime: -1}, nodes: top.Graph().Nodes, stores: top.Graph().Stores,
	}
	staged := state.NewStaged(state.NewMemory())
	for i, s := range r.stores {
		r.rows[s.Name] = staged.Rows(uint16(i + 1))
	}
	r.restart()
	t.Cleanup(func() {
		if err := r.task.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// restart begins anew with what was committed.
func (r *running) restart() {
	r.t.Helper()
	if r.task != nil {
		if err := r.task.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
	var err error
	r.task, err = task.New(task.Config{
		ApplicationID: "app", Context: r.t.Context(), Logger: slog.New(slog.DiscardHandler), Collector: r, Throttle: r.throttle,
		Now:     func() time.Time { return r.now },
		Rows:    func(s *graph.Store) (state.Rows, error) { return r.rows[s.Name], nil },
		Dropped: func(_, why string) { r.dropped[why]++ },
	}, r.nodes, r.stores)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.task.AddInput(input, r.nodes[0].Name, r.offset, r.committed); err != nil {
		r.t.Fatal(err)
	}
	if err := r.task.Init(); err != nil {
		r.t.Fatal(err)
	}
}

// commit keeps what goes with the offsets, in the form in which the broker has it.
func (r *running) commit() {
	r.t.Helper()
	var err error
	if r.committed, err = task.DecodeCommitted(r.task.Positions()[input].Encode()); err != nil {
		r.t.Fatal(err)
	}
}

// pipe processes a record and gives the results, which are not of changelogs.
func (r *running) pipe(k, v string, at int64) []*task.Output {
	r.t.Helper()
	raw := &kgo.Record{Topic: "input", Offset: r.offset, Key: []byte(k), Value: []byte(v), Timestamp: time.UnixMilli(at)}
	r.offset++
	if err := r.task.Add(input, []*kgo.Record{raw}); err != nil {
		r.t.Fatal(err)
	}
	r.task.SetEnd(input, r.offset, r.offset)
	r.sent = nil
	if did, err := r.task.Process(r.now); err != nil || !did {
		r.t.Fatalf("process: %v, %v", did, err)
	}
	return r.sent
}

// Send implements task.Collector.
func (r *running) Send(o *task.Output) error {
	if !o.Changelog {
		r.sent = append(r.sent, o)
	}
	return nil
}

// Partitions implements task.Collector.
func (r *running) Partitions(string, string) (int32, error) { return 1, nil }

// sentBy is what a sink makes of a record with this key.
func sentBy[K any](t *testing.T, s serde.Serde[K], k K) *task.Output {
	t.Helper()
	r := run(t, 0, func(b *streams.Builder) {
		in := streams.Stream[string, string](b, "input")
		streams.SelectKey(in, func(string, string) K { return k }).To("output", streams.KeySerde(s))
	})
	sent := r.pipe("", "", 0)
	if len(sent) != 1 {
		t.Fatalf("%d records, want 1", len(sent))
	}
	return sent[0]
}
