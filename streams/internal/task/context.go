package task

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"mm2/streams/internal/graph"
)

// ChangelogTopic is the name of a store's changelog.
func ChangelogTopic(application, store string) string {
	return application + "-" + store + "-changelog"
}

// InternalTopic is the real name of a topic that the topology names without the
// application id.
func InternalTopic(application, topic string) string { return application + "-" + topic }

// Topic is the real name of the topic that a sink writes to.
func (t *Task) Topic(n *graph.Node) string {
	if n.Internal {
		return InternalTopic(t.cfg.ApplicationID, n.Topic)
	}
	return n.Topic
}

// ID is the task's id.
func (t *Task) ID() ID { return t.cfg.ID }

// ApplicationID is the application's id.
func (t *Task) ApplicationID() string { return t.cfg.ApplicationID }

// StateDir is the task's directory.
func (t *Task) StateDir() string { return t.cfg.StateDir }

// Context is cancelled when the task is given up.
func (t *Task) Context() context.Context { return t.cfg.Context }

// Logger writes for the task.
func (t *Task) Logger() *slog.Logger { return t.cfg.Logger }

// Now is the wall clock.
func (t *Task) Now() time.Time { return t.cfg.Now() }

// Throttle is how often operators look for what is due by time; 0 looks always.
func (t *Task) Throttle() time.Duration { return t.cfg.Throttle }

// StreamTime is the largest time of the records processed so far, in
// milliseconds; -1 before the first.
func (t *Task) StreamTime() int64 { return t.streamTime }

// Metadata says where the record being processed comes from; false in a
// punctuator.
func (t *Task) Metadata() (Metadata, bool) {
	if t.standIn != nil {
		return *t.standIn, t.standIn.Topic != ""
	}
	if t.current == nil {
		return Metadata{}, false
	}
	return Metadata{Cluster: t.cluster, Topic: t.current.Topic, Partition: t.current.Partition, Offset: t.current.Offset}, true
}

// As has fn run as if the record being processed came from m. Its cluster is
// found by the topic: the home cluster, unless only another one has an input of
// that name. An empty topic stands for a punctuator.
func (t *Task) As(m Metadata, fn func()) {
	m.Cluster = ""
	if t.byIn[Partition{Topic: m.Topic, Partition: m.Partition}] == nil {
		for p := range t.byIn {
			if p.Topic == m.Topic && p.Partition == m.Partition {
				m.Cluster = p.Cluster
			}
		}
	}
	before := t.standIn
	t.standIn = &m
	defer func() { t.standIn = before }()
	fn()
}

// RequestCommit asks for a commit soon.
func (t *Task) RequestCommit() { t.commit = true }

// Keep has a value committed with the task's offsets; Kept gives it again, also
// to the task's next owner.
func (t *Task) Keep(key string, value int64) { t.kept[key] = value }

// Kept is the value of Keep.
func (t *Task) Kept(key string) (int64, bool) {
	v, ok := t.kept[key]
	return v, ok
}

// Dropped counts a record that a node dropped.
func (t *Task) Dropped(node, why string) {
	if t.cfg.Dropped != nil {
		t.cfg.Dropped(node, why)
	}
}

// Send passes a record on to the collector.
func (t *Task) Send(o *Output) error {
	t.sentOutput(o)
	return t.cfg.Collector.Send(o)
}

// Partitions is how many partitions a topic has.
func (t *Task) Partitions(cluster, topic string) (int32, error) {
	return t.cfg.Collector.Partitions(cluster, topic)
}

// Store gives a node a store that it is connected to, or a global one.
func (t *Task) Store(node, name string) (any, error) {
	if n := t.names[node]; n != nil && slices.Contains(n.Stores, name) {
		if s, ok := t.store[name]; ok {
			return s, nil
		}
	}
	if t.cfg.Global != nil {
		if s, ok := t.cfg.Global(name); ok {
			return s, nil
		}
	}
	if _, ok := t.store[name]; ok {
		return nil, fmt.Errorf("processor %q has no access to store %q: connect the store to it", node, name)
	}
	return nil, fmt.Errorf("processor %q asks for store %q, which does not exist", node, name)
}

// Opened is a store of the task by its name, for those who look from outside.
func (t *Task) Opened(name string) (any, bool) {
	s, ok := t.store[name]
	return s, ok
}

// At sets the time that a changelog record of a store without own timestamps
// carries.
func (t *Task) At(ms int64) { t.at = ms }

// Time is the time of the record being processed, in milliseconds.
func (t *Task) Time() int64 { return t.at }
