package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

// Node is a node's part of a task.
type Node interface {
	// Init is called once, parents before children, when the stores are ready.
	Init() error
	// Close is called once, whether Init was or not.
	Close() error
}

// Outlet is a Node with children.
type Outlet interface {
	Node
	// Attach adds a child, which must take what this node gives.
	Attach(name string, child Node) error
}

// Source is the Node of a source.
type Source interface {
	Outlet
	// NewHead makes the place for the first record of one partition's queue.
	NewHead(p Partition) Head
}

// Maker makes Nodes: what graph.Node.Impl is.
type Maker interface {
	Make(t *Task, n *graph.Node) (Node, error)
}

// Output is a record that a task sends. The receiver of it owns its slices.
type Output struct {
	Cluster   string // empty is the home cluster
	Topic     string // the real name
	Partition int32  // -1: by the key, or PartitionKey
	// PartitionKey places a record in the stead of Key, if it is not nil.
	PartitionKey []byte
	Key, Value   []byte
	Time         int64 // ms; -1 leaves it to the producer
	Headers      []kgo.RecordHeader
	Node         string // that sends it
	Changelog    bool
}

// Collector takes what tasks send.
type Collector interface {
	// Send takes a record. It may fail with what went wrong with an earlier one.
	Send(o *Output) error
	// Partitions is how many partitions a topic has.
	Partitions(cluster, topic string) (int32, error)
}

// Config is what a task is made with.
type Config struct {
	ID            ID
	ApplicationID string
	StateDir      string // of the task
	Context       context.Context
	Logger        *slog.Logger
	Now           func() time.Time

	MaxIdle         time.Duration // max.task.idle.ms; negative: never wait
	DeadLetterTopic string
	Handlers        map[Stage]func(Failure) Response

	Collector Collector
	// Rows are the rows of a store of the task.
	Rows func(s *graph.Store) (state.Rows, error)
	// Global gives a store of the global part.
	Global func(name string) (any, bool)
	// Dropped counts a record that a node dropped; nil counts nothing.
	Dropped func(node, why string)
	// Throttle is how often operators look for what is due by time, by the wall
	// clock; 0 looks with each record.
	Throttle time.Duration
}

// Task is one task.
type Task struct {
	cfg   Config
	graph []*graph.Node
	nodes []Node
	names map[string]*graph.Node
	store map[string]any

	queues     []*queue
	byIn       map[Partition]*queue
	streamTime int64       // ms; -1 before the first record
	current    *kgo.Record // being processed; nil in a punctuator
	standIn    *Metadata   // in the place of current's
	cluster    string      // of current
	at         int64       // time of current, or of the punctuator
	broken     error       // found when nobody could be told
	commit     bool
	kept       map[string]int64
	now        int64 // of the wall clock, ms, when the last record or punctuator began
	stats      Stats

	byStream, byWall schedules
}

// New makes the nodes and opens the stores of a part of a topology. Inputs are
// added with AddInput; Init comes last.
func New(c Config, nodes []*graph.Node, stores []*graph.Store) (*Task, error) {
	t := &Task{
		cfg: c, graph: nodes, names: make(map[string]*graph.Node, len(nodes)), store: make(map[string]any, len(stores)),
		byIn: make(map[Partition]*queue), streamTime: -1, kept: make(map[string]int64), stats: newStats(),
	}
	for _, s := range stores {
		if err := t.open(s); err != nil {
			return nil, fmt.Errorf("task %v: open store %q: %w", c.ID, s.Name, err)
		}
	}
	made := make(map[*graph.Node]Node, len(nodes))
	for _, n := range nodes {
		node, err := n.Impl.(Maker).Make(t, n)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("task %v: node %q: %w", c.ID, n.Name, err), t.Close())
		}
		t.nodes = append(t.nodes, node)
		t.names[n.Name] = n
		made[n] = node
		for _, p := range n.Parents {
			if err := made[p].(Outlet).Attach(n.Name, node); err != nil {
				return nil, errors.Join(fmt.Errorf("task %v: edge from %q to %q: %w", c.ID, p.Name, n.Name, err), t.Close())
			}
		}
	}
	return t, nil
}

func (t *Task) open(s *graph.Store) error {
	rows, err := t.cfg.Rows(s)
	if err != nil {
		return err
	}
	topic := ChangelogTopic(t.cfg.ApplicationID, s.Name)
	env := state.Env{
		Rows: rows, Topic: topic, Time: func() int64 { return t.at },
		Fail:    func(err error) { t.broken = errors.Join(t.broken, fmt.Errorf("store %q: %w", s.Name, err)) },
		Dropped: func() { t.Dropped(s.Name, "expired") },
	}
	if spec := s.Builder.Spec(); spec.Changelog && !s.Global {
		var version []kgo.RecordHeader
		if spec.ChangelogVersion != nil {
			version = []kgo.RecordHeader{{Key: "v", Value: spec.ChangelogVersion}}
		}
		env.Log = func(key, value []byte, at int64) error {
			buf := make([]byte, 0, len(key)+len(value))
			buf = append(append(buf, key...), value...)
			o := &Output{Topic: topic, Partition: t.cfg.ID.Partition, Key: buf[:len(key):len(key)], Time: at, Node: s.Name, Changelog: true}
			if value != nil {
				o.Value = buf[len(key):]
				o.Headers = version
			}
			return t.cfg.Collector.Send(o)
		}
	}
	opened, err := s.Builder.Open(env)
	if err != nil {
		return err
	}
	t.store[s.Name] = opened
	return nil
}

// AddInput gives the task a partition of one of its sources. next is the offset
// that comes first, and at what was committed with it.
func (t *Task) AddInput(p Partition, source string, next int64, at Committed) error {
	for i, n := range t.graph {
		if n.Name == source {
			q := &queue{in: p, node: source, time: at.PartitionTime, fetched: next, end: -1, flow: flowOf(t.stats.Sources, source)}
			q.head = t.nodes[i].(Source).NewHead(p)
			t.queues = append(t.queues, q)
			t.byIn[p] = q
			for k, v := range at.Kept {
				if have, ok := t.kept[k]; !ok || v > have {
					t.kept[k] = v
				}
			}
			return nil
		}
	}
	return fmt.Errorf("task %v has no source %q for %v", t.cfg.ID, source, p)
}

// Init starts the nodes.
func (t *Task) Init() error {
	for i, n := range t.nodes {
		if err := t.start(t.graph[i].Name, n); err != nil {
			return err
		}
	}
	return t.takeBroken()
}

func (t *Task) start(name string, n Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Node: name, Task: t.cfg.ID, Stage: Process, Err: fmt.Errorf("init: panic: %v", p)}
		}
	}()
	if err := n.Init(); err != nil {
		return &Error{Node: name, Task: t.cfg.ID, Stage: Process, Err: fmt.Errorf("init: %w", err)}
	}
	return nil
}

// Close closes the nodes, children first. Stores belong to who gave the rows.
func (t *Task) Close() error {
	var errs []error
	for i, v := range slices.Backward(t.nodes) {
		if err := v.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close node %q of task %v: %w", t.graph[i].Name, t.cfg.ID, err))
		}
	}
	t.nodes = nil
	return errors.Join(errs...)
}

func (t *Task) takeBroken() error {
	err := t.broken
	t.broken = nil
	return err
}
