package task_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
)

// through passes each record on to a sink, and does nothing else.
type through struct{ t *task.Task }

func (through) Make(t *task.Task, _ *graph.Node) (task.Node, error) { return &through{t}, nil }
func (*through) Init() error                                        { return nil }
func (*through) Close() error                                       { return nil }
func (*through) Attach(string, task.Node) error                     { return nil }
func (n *through) NewHead(task.Partition) task.Head                 { return &throughHead{n: n} }

type throughHead struct {
	n   *through
	raw *kgo.Record
	out task.Output
}

func (h *throughHead) Decode(raw *kgo.Record, _ int64) (int64, error) {
	h.raw = raw
	return raw.Timestamp.UnixMilli(), nil
}

func (h *throughHead) Process() error {
	h.out = task.Output{Topic: "out", Key: h.raw.Key, Value: h.raw.Value, Time: 1, Node: "sink"}
	return h.n.t.Send(&h.out)
}

type nowhere struct{}

func (nowhere) Send(*task.Output) error                  { return nil }
func (nowhere) Partitions(string, string) (int32, error) { return 1, nil }

// BenchmarkProcess is what a task costs for each record, beside the nodes.
func BenchmarkProcess(b *testing.B) {
	t, err := task.New(task.Config{Context: context.Background(), Now: time.Now, MaxIdle: -1, Collector: nowhere{}},
		[]*graph.Node{{Name: "source", Kind: graph.Source, Impl: through{}}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := t.AddInput(left, "source", 0, task.Committed{PartitionTime: -1}); err != nil {
		b.Fatal(err)
	}
	batch := make([]*kgo.Record, 1000)
	for i := range batch {
		batch[i] = record(left, int64(i), int64(i))
	}
	now := time.Now()
	left := 0
	b.ReportAllocs()
	for b.Loop() {
		if left == 0 {
			if err := t.Add(task.Partition{Topic: "left"}, batch); err != nil {
				b.Fatal(err)
			}
			left = len(batch)
		}
		if _, err := t.Process(now); err != nil {
			b.Fatal(err)
		}
		left--
	}
}
