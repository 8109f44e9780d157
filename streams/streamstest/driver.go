// Package streamstest runs a topology without a broker, record by record, for
// tests.
//
// The whole topology is one task with one partition of each topic. What goes to a
// repartition topic comes back as input. After each record that is piped in, all
// that can be processed is processed, then functions scheduled by stream time are
// called, and everything is committed. The wall clock stands still unless Advance
// moves it. There are no goroutines: a test gives the same result each time.
package streamstest

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// Driver runs one topology. It is used by one goroutine.
type Driver struct {
	t       testing.TB
	top     *streams.Topology
	cfg     streams.Config
	now     time.Time
	task    *task.Task // of all parts that are not global
	global  *task.Task // of the global parts; nil if there are none
	staged  []*state.Staged
	sources map[string]source
	offsets map[string]int64
	again   []*kgo.Record // of repartition topics, to be read
	sent    []Sent
	outs    map[string][]*kgo.Record
	failed  error
}

type source struct {
	node *graph.Node
	task *task.Task
}

// Sent is a record that the topology produced, also to internal topics.
type Sent struct {
	Topic      string
	Key, Value []byte
	Time       time.Time
	Headers    []kgo.RecordHeader
	Internal   bool // to a changelog or repartition topic
}

// Option is a setting of a Driver.
type Option func(*Driver)

// StartAt sets the wall clock at the start, which else is 1970.
func StartAt(at time.Time) Option { return func(d *Driver) { d.now = at } }

// WithConfig sets the application's configuration. Without one the application id
// is "streamstest".
func WithConfig(c streams.Config) Option { return func(d *Driver) { d.cfg = c } }

// New starts a topology. It is closed when the test ends.
func New(t testing.TB, top *streams.Topology, opts ...Option) *Driver {
	t.Helper()
	d := &Driver{
		t: t, top: top, cfg: streams.Config{ApplicationID: "streamstest"}, now: time.UnixMilli(0).UTC(),
		sources: make(map[string]source), offsets: make(map[string]int64), outs: make(map[string][]*kgo.Record),
	}
	for _, o := range opts {
		o(d)
	}
	if d.cfg.Logger == nil {
		d.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := d.start(); err != nil {
		t.Fatalf("start the topology: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.task.Close(), d.closeGlobal()); err != nil {
			t.Errorf("close the topology: %v", err)
		}
	})
	return d
}

func (d *Driver) start() error {
	g := d.top.Graph()
	var nodes, globalNodes []*graph.Node
	var stores, globalStores []*graph.Store
	for _, part := range g.Subtopologies {
		if part.Global {
			globalStores = append(globalStores, part.Stores...)
			continue
		}
		stores = append(stores, part.Stores...)
	}
	for _, n := range g.Nodes { // in their order: parents first
		if n.Global {
			globalNodes = append(globalNodes, n)
		} else {
			nodes = append(nodes, n)
		}
	}
	var err error
	if len(globalNodes) > 0 {
		if d.global, err = d.run(globalNodes, globalStores); err != nil {
			return err
		}
	}
	d.task, err = d.run(nodes, stores)
	return err
}

func (d *Driver) run(nodes []*graph.Node, stores []*graph.Store) (*task.Task, error) {
	staged := state.NewStaged(state.NewMemory())
	d.staged = append(d.staged, staged)
	numbers := make(map[*graph.Store]uint16, len(stores))
	for i, s := range stores {
		numbers[s] = uint16(i + 1)
	}
	t, err := task.New(task.Config{
		ApplicationID: d.cfg.ApplicationID, Context: d.t.Context(), Logger: d.cfg.Logger, StateDir: d.cfg.StateDir,
		Now: func() time.Time { return d.now }, MaxIdle: d.cfg.MaxTaskIdle,
		DeadLetterTopic: d.cfg.DeadLetterTopic, Handlers: d.cfg.Handlers(), Collector: d,
		Rows:   func(s *graph.Store) (state.Rows, error) { return staged.Rows(numbers[s]), nil },
		Global: d.globalStore,
	}, nodes, stores)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.Kind != graph.Source {
			continue
		}
		for _, topic := range n.Topics {
			if err := d.read(t, n, topic); err != nil {
				return nil, err
			}
		}
	}
	return t, t.Init()
}

// read makes a topic an input of a task.
func (d *Driver) read(t *task.Task, n *graph.Node, topic string) error {
	if n.Internal {
		topic = task.InternalTopic(d.cfg.ApplicationID, topic)
	}
	d.sources[topic] = source{n, t}
	return t.AddInput(task.Partition{Cluster: n.Cluster, Topic: topic}, n.Name, 0, task.Committed{PartitionTime: -1})
}

func (d *Driver) globalStore(name string) (any, bool) {
	if d.global == nil {
		return nil, false
	}
	return d.global.Opened(name)
}

func (d *Driver) closeGlobal() error {
	if d.global == nil {
		return nil
	}
	return d.global.Close()
}

// sourceOf finds the source of a topic, also one with a pattern.
func (d *Driver) sourceOf(topic string) (source, error) {
	if s, ok := d.sources[topic]; ok {
		return s, nil
	}
	for _, n := range d.top.Graph().Nodes {
		if n.Kind == graph.Source && n.Pattern != nil && graph.Matches(n.Pattern, topic) {
			t := d.task
			if n.Global {
				t = d.global
			}
			if err := d.read(t, n, topic); err != nil {
				return source{}, err
			}
			return d.sources[topic], nil
		}
	}
	return source{}, fmt.Errorf("the topology does not read the topic %q", topic)
}

// PipeRaw pipes one record in as bytes. The error is that of the topology, which
// can do nothing any more after it.
func (d *Driver) PipeRaw(r *kgo.Record) error {
	if d.failed != nil {
		return d.failed
	}
	s, err := d.sourceOf(r.Topic)
	if err != nil {
		return err
	}
	d.failed = d.pipe(s, r)
	return d.failed
}

func (d *Driver) pipe(s source, r *kgo.Record) error {
	at := task.Partition{Cluster: s.node.Cluster, Topic: r.Topic}
	r.Offset = d.offsets[r.Topic]
	d.offsets[r.Topic]++
	if err := s.task.Add(at, []*kgo.Record{r}); err != nil {
		return err
	}
	s.task.SetEnd(at, r.Offset+1, r.Offset+1)
	return d.work()
}

// work processes all that can be processed.
func (d *Driver) work() error {
	for {
		did := false
		for _, t := range []*task.Task{d.global, d.task} {
			if t == nil {
				continue
			}
			d.know(t)
			processed, err := t.Process(d.now)
			if err != nil {
				return err
			}
			if !processed {
				continue
			}
			did = true
			if _, err := t.PunctuateStreamTime(); err != nil {
				return err
			}
			if err := d.commit(); err != nil {
				return err
			}
		}
		if again, err := d.loop(); err != nil {
			return err
		} else if !did && !again {
			return nil
		}
	}
}

// know tells a task that the topics have no more than was piped in.
func (d *Driver) know(t *task.Task) {
	for topic, s := range d.sources {
		if s.task == t {
			t.SetEnd(task.Partition{Cluster: s.node.Cluster, Topic: topic}, d.offsets[topic], d.offsets[topic])
		}
	}
}

// loop reads what was written to repartition topics.
func (d *Driver) loop() (bool, error) {
	again := d.again
	d.again = nil
	for _, r := range again {
		s := d.sources[r.Topic]
		at := task.Partition{Cluster: s.node.Cluster, Topic: r.Topic}
		r.Offset = d.offsets[r.Topic]
		d.offsets[r.Topic]++
		if err := s.task.Add(at, []*kgo.Record{r}); err != nil {
			return false, err
		}
		s.task.SetEnd(at, r.Offset+1, r.Offset+1)
	}
	return len(again) > 0, nil
}

func (d *Driver) commit() error {
	for _, s := range d.staged {
		if err := s.Commit(nil); err != nil {
			return err
		}
	}
	return nil
}

// Advance moves the wall clock, and calls what is scheduled by it.
func (d *Driver) Advance(dt time.Duration) {
	d.t.Helper()
	if err := d.TryAdvance(dt); err != nil {
		d.t.Fatalf("advance the wall clock by %v: %v", dt, err)
	}
}

// TryAdvance is Advance that gives the error of the topology.
func (d *Driver) TryAdvance(dt time.Duration) error {
	if d.failed != nil {
		return d.failed
	}
	d.now = d.now.Add(dt)
	d.failed = d.tick()
	return d.failed
}

func (d *Driver) tick() error {
	if _, err := d.task.PunctuateWallClock(); err != nil {
		return err
	}
	if err := d.commit(); err != nil {
		return err
	}
	return d.work()
}

// Send implements the task's collector.
func (d *Driver) Send(o *task.Output) error {
	s := Sent{Topic: o.Topic, Key: o.Key, Value: o.Value, Time: time.UnixMilli(o.Time).UTC(), Headers: o.Headers, Internal: o.Changelog}
	r := &kgo.Record{Topic: o.Topic, Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: s.Time}
	if to, ok := d.sources[o.Topic]; ok && !o.Changelog && to.node.Cluster == o.Cluster {
		s.Internal = to.node.Internal
		d.again = append(d.again, r)
	}
	if !s.Internal {
		d.outs[o.Topic] = append(d.outs[o.Topic], r)
	}
	d.sent = append(d.sent, s)
	return nil
}

// Partitions implements the task's collector: each topic has one.
func (d *Driver) Partitions(string, string) (int32, error) { return 1, nil }

// Sent is everything that was produced since the last call, in the order in which
// it was, with what went to internal topics.
func (d *Driver) Sent() []Sent {
	sent := d.sent
	d.sent = nil
	return sent
}
