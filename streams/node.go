package streams

import (
	"fmt"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
)

// receiver takes the records of an edge.
type receiver[K, V any] interface {
	receive(r Record[K, V]) error
}

// outlet is the side of a node from which records leave.
type outlet[K, V any] struct {
	children []receiver[K, V]
	names    []string
}

// Attach implements task.Outlet.
func (o *outlet[K, V]) Attach(name string, child task.Node) error {
	r, ok := child.(receiver[K, V])
	if !ok {
		return typeError[K, V](name, child)
	}
	o.children = append(o.children, r)
	o.names = append(o.names, name)
	return nil
}

func (o *outlet[K, V]) forward(r Record[K, V]) error {
	for _, c := range o.children {
		if err := c.receive(r); err != nil {
			return err
		}
	}
	return nil
}

// processorNode is a processor in a task.
type processorNode[KI, VI, KO, VO any] struct {
	outlet[KO, VO]
	name   string
	task   *task.Task
	p      Processor[KI, VI, KO, VO]
	failed error // of a child, until the processor returns
	nulls  nulls[KO, VO]
}

// Init implements task.Node.
func (n *processorNode[KI, VI, KO, VO]) Init() error { return n.p.Init(n) }

// Close implements task.Node.
func (n *processorNode[KI, VI, KO, VO]) Close() error { return n.p.Close() }

func (n *processorNode[KI, VI, KO, VO]) receive(r Record[KI, VI]) (err error) {
	before := n.task.Time()
	n.task.At(r.Time.UnixMilli())
	defer func() {
		n.task.At(before)
		if p := recover(); p != nil {
			n.failed = nil
			err = n.task.Panicked(n.name, p)
		}
	}()
	err = n.p.Process(r)
	if n.failed != nil {
		err, n.failed = n.failed, nil
		return err
	}
	if err != nil {
		return n.task.Failed(n.name, err)
	}
	return nil
}

// Forward implements ProcessorContext.
func (n *processorNode[KI, VI, KO, VO]) Forward(r Record[KO, VO]) {
	if n.failed != nil || !n.outgoing(&r) {
		return
	}
	n.failed = n.forward(r)
}

// ForwardTo implements ProcessorContext.
func (n *processorNode[KI, VI, KO, VO]) ForwardTo(child string, r Record[KO, VO]) {
	if n.failed != nil || !n.outgoing(&r) {
		return
	}
	for i, name := range n.names {
		if name == child {
			n.failed = n.children[i].receive(r)
			return
		}
	}
	n.failed = n.task.Failed(n.name, fmt.Errorf("forward to %q: it is not a child of this node; the children are %q", child, n.names))
}

// outgoing checks a record that leaves, and brings its null flags and nils
// together.
func (n *processorNode[KI, VI, KO, VO]) outgoing(r *Record[KO, VO]) bool {
	if r.Time.UnixMilli() < 0 {
		n.failed = n.task.Failed(n.name, fmt.Errorf("forward a record with the time %v, which is before 1970", r.Time))
		return false
	}
	n.nulls.settle(r)
	return true
}

// processorMaker makes processorNodes.
type processorMaker[KI, VI, KO, VO any] struct {
	supply func() Processor[KI, VI, KO, VO]
}

// Make implements task.Maker.
func (m processorMaker[KI, VI, KO, VO]) Make(t *task.Task, n *graph.Node) (task.Node, error) {
	p := m.supply()
	if p == nil {
		return nil, fmt.Errorf("the supplier of processor %q gave nil", n.Name)
	}
	return &processorNode[KI, VI, KO, VO]{name: n.Name, task: t, p: p, nulls: nullsOf[KO, VO]()}, nil
}

// millis is a time in Kafka's milliseconds.
func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
