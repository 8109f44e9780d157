package task_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

var (
	left  = task.Partition{Topic: "left"}
	right = task.Partition{Topic: "right"}
	errIt = errors.New("it broke")
)

// rig is a task of two sources whose records go to one function.
type rig struct {
	t       *testing.T
	task    *task.Task
	cfg     task.Config
	now     time.Time
	seen    []string // topic and offset of the processed records
	process func(r *kgo.Record) error
	sent    []*task.Output
	refuse  error // of Send
	dropped []string
	log     strings.Builder
}

type option func(*rig)

func maxIdle(d time.Duration) option { return func(r *rig) { r.cfg.MaxIdle = d } }

func deadLetters() option { return func(r *rig) { r.cfg.DeadLetterTopic = "dead" } }

func handle(s task.Stage, fn func(task.Failure) task.Response) option {
	return func(r *rig) { r.cfg.Handlers[s] = fn }
}

func answer(a task.Response) func(task.Failure) task.Response {
	return func(task.Failure) task.Response { return a }
}

func newRig(t *testing.T, opts ...option) *rig {
	t.Helper()
	r := &rig{t: t, now: time.UnixMilli(1_000_000), process: func(*kgo.Record) error { return nil }}
	r.cfg = task.Config{
		ID: task.ID{Subtopology: 1, Partition: 0}, ApplicationID: "app", Context: t.Context(),
		Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Now: func() time.Time { return r.now },
		MaxIdle: -1, Handlers: map[task.Stage]func(task.Failure) task.Response{}, Collector: r,
		Rows:    func(*graph.Store) (state.Rows, error) { return nil, errIt },
		Dropped: func(node, why string) { r.dropped = append(r.dropped, node+": "+why) },
	}
	for _, o := range opts {
		o(r)
	}
	nodes := []*graph.Node{
		{Name: "from-left", Kind: graph.Source, Topics: []string{"left"}, Impl: maker{r}},
		{Name: "from-right", Kind: graph.Source, Topics: []string{"right"}, Impl: maker{r}},
	}
	var err error
	if r.task, err = task.New(r.cfg, nodes, nil); err != nil {
		t.Fatal(err)
	}
	r.input(left, "from-left", 0, task.Committed{PartitionTime: -1})
	r.input(right, "from-right", 0, task.Committed{PartitionTime: -1})
	if err := r.task.Init(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) input(p task.Partition, source string, next int64, at task.Committed) {
	r.t.Helper()
	if err := r.task.AddInput(p, source, next, at); err != nil {
		r.t.Fatal(err)
	}
}

// add queues records with these times, from the offset on.
func (r *rig) add(p task.Partition, offset int64, times ...int64) {
	r.t.Helper()
	var records []*kgo.Record
	for i, at := range times {
		records = append(records, record(p, offset+int64(i), at))
	}
	if err := r.task.Add(p, records); err != nil {
		r.t.Fatal(err)
	}
}

func record(p task.Partition, offset, at int64) *kgo.Record {
	return &kgo.Record{Topic: p.Topic, Offset: offset, Timestamp: time.UnixMilli(at), Key: []byte("k"), Value: []byte("v")}
}

// all processes what may be processed now.
func (r *rig) all() error {
	for {
		if did, err := r.task.Process(r.now); err != nil || !did {
			return err
		}
	}
}

func (r *rig) mustAll() {
	r.t.Helper()
	if err := r.all(); err != nil {
		r.t.Fatal(err)
	}
}

// takeSeen gives what was processed since the last call.
func (r *rig) takeSeen() string {
	seen := strings.Join(r.seen, " ")
	r.seen = nil
	return seen
}

func (r *rig) Send(o *task.Output) error { r.sent = append(r.sent, o); return r.refuse }

func (r *rig) Partitions(string, string) (int32, error) { return 1, nil }

type maker struct{ r *rig }

func (m maker) Make(_ *task.Task, n *graph.Node) (task.Node, error) { return &source{m.r, n.Name}, nil }

type source struct {
	r    *rig
	name string
}

func (s *source) Init() error                      { return nil }
func (s *source) Close() error                     { return nil }
func (s *source) Attach(string, task.Node) error   { return nil }
func (s *source) NewHead(task.Partition) task.Head { return &head{s: s} }

// head takes the time of a record as it is. The value "bad" is an error of the
// decoder, "panic" a panic of it, and "partition time" asks for that.
type head struct {
	s   *source
	raw *kgo.Record
}

func (h *head) Decode(raw *kgo.Record, partitionTime int64) (int64, error) {
	h.raw = raw
	switch string(raw.Value) {
	case "bad":
		return 0, errIt
	case "panic":
		panic(errIt)
	case "partition time":
		return partitionTime, nil
	}
	return raw.Timestamp.UnixMilli(), nil
}

func (h *head) Process() (err error) {
	h.s.r.seen = append(h.s.r.seen, fmt.Sprintf("%s%d", h.raw.Topic[:1], h.raw.Offset))
	defer func() {
		if p := recover(); p != nil {
			err = h.s.r.task.Panicked("node", p)
		}
	}()
	if err := h.s.r.process(h.raw); err != nil {
		return h.s.r.task.Failed("node", err)
	}
	return nil
}
