package streams_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// restarts runs a topology with one store in a task that ends and begins again.
type restarts struct {
	t      *testing.T
	top    *streams.Topology
	staged *state.Staged
	task   *task.Task
	offset int64
	log    []*task.Output // of the store's changelog
	out    []string
}

func newRestarts(t *testing.T, build func(b *streams.Builder)) *restarts {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return &restarts{t: t, top: top, staged: state.NewStaged(state.NewMemory())}
}

var input = task.Partition{Topic: "input"}

func (r *restarts) begin() {
	r.t.Helper()
	g := r.top.Graph()
	var err error
	r.task, err = task.New(task.Config{
		ApplicationID: "app", Context: r.t.Context(), Logger: slog.New(slog.DiscardHandler), Collector: r,
		Now:  func() time.Time { return at(0) },
		Rows: func(s *graph.Store) (state.Rows, error) { return r.rows(s), nil },
	}, g.Nodes, g.Stores)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.task.AddInput(input, g.Nodes[0].Name, r.offset, task.Committed{PartitionTime: -1}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.task.Init(); err != nil {
		r.t.Fatal(err)
	}
}

// rows are those of a store.
func (r *restarts) rows(s *graph.Store) state.Rows {
	for i, known := range r.top.Graph().Stores {
		if known == s {
			return r.staged.Rows(uint16(i + 1))
		}
	}
	return nil
}

// restore makes all rows anew from the changelogs.
func (r *restarts) restore() {
	r.t.Helper()
	r.staged = state.NewStaged(state.NewMemory())
	for _, s := range r.top.Graph().Stores {
		for _, o := range r.log {
			if o.Topic != task.ChangelogTopic("app", s.Name) {
				continue
			}
			if err := s.Builder.Restore(r.rows(s), o.Key, o.Value, o.Time); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func (r *restarts) pipe(key, value string, ms int64) {
	r.t.Helper()
	rec := &kgo.Record{Topic: "input", Offset: r.offset, Timestamp: at(ms), Key: []byte(key)}
	if value != "" {
		rec.Value = []byte(value)
	}
	r.offset++
	if err := r.task.Add(input, []*kgo.Record{rec}); err != nil {
		r.t.Fatal(err)
	}
	r.task.SetEnd(input, r.offset, r.offset)
	if did, err := r.task.Process(at(0)); err != nil || !did {
		r.t.Fatalf("processed %v, error %v", did, err)
	}
}

// Send implements the task's collector.
func (r *restarts) Send(o *task.Output) error {
	if o.Changelog {
		r.log = append(r.log, o)
		return nil
	}
	r.out = append(r.out, fmt.Sprintf("%s=%s@%d %v", o.Key, o.Value, o.Time, o.Headers))
	return nil
}

// Partitions implements the task's collector.
func (r *restarts) Partitions(string, string) (int32, error) { return 1, nil }

// A buffer that begins again, with its rows or from its changelog, lets pass what
// one would that has never stopped.
func TestSuppressSurvivesRestart(t *testing.T) {
	build := suppressed(streams.UntilTimeLimit(20*time.Millisecond, streams.MaxRecords(4).EmitEarlyWhenFull()))
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			steady, other := newRestarts(t, build), newRestarts(t, build)
			steady.begin()
			other.begin()
			r := rand.New(rand.NewPCG(seed, 5))
			now := int64(0)
			for range 300 {
				switch r.IntN(20) {
				case 0:
					other.restore()
					other.begin()
				case 1:
					other.begin()
				}
				now += r.Int64N(5)
				key, value := string(rune('a'+r.IntN(8))), fmt.Sprint(r.IntN(10))
				if r.IntN(6) == 0 {
					value = ""
				}
				steady.pipe(key, value, now)
				other.pipe(key, value, now)
			}
			if diff := cmp.Diff(steady.out, other.out); diff != "" {
				t.Errorf("records without and with restarts (-without +with):\n%s", diff)
			}
			if len(steady.out) < 50 {
				t.Errorf("only %d records have passed", len(steady.out))
			}
		})
	}
}
