package task

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Stage is where a record failed.
type Stage int

// The stages.
const (
	Decode  Stage = iota // of a source's key or value
	Process              // in a node or a punctuator
	Produce              // encoding or sending
)

func (s Stage) String() string { return [...]string{"decode", "process", "produce"}[s] }

// Action is what is done about a failed record.
type Action int

// The actions.
const (
	Fail     Action = iota // the task fails
	Continue               // the record is dropped from the failing node on
	Retry                  // sending is tried again; only of Produce
)

// Failure is a record that failed, as handlers see it. Record is the source
// record, nil in a punctuator; Output is what could not be encoded or sent, for
// the stage Produce.
type Failure struct {
	Stage  Stage
	Task   ID
	Node   string
	Record *kgo.Record
	Output *Output
	Err    error
}

// Response is a handler's answer.
type Response struct {
	Action Action
	// DeadLetters are produced with the task's other records.
	DeadLetters []*Output
	// DeadLetter asks for the usual dead letter, if a topic is configured.
	DeadLetter bool
}

// Error is a failure that stops its task.
type Error struct {
	Stage     Stage
	Node      string
	Task      ID
	Topic     string // of the source record; empty in a punctuator
	Partition int32
	Offset    int64
	Stack     string // of a panic
	Err       error
}

func (e *Error) Error() string {
	where := fmt.Sprintf("%s in node %q of task %v", e.Stage, e.Node, e.Task)
	if e.Topic != "" {
		where += fmt.Sprintf(", with %s partition %d offset %d", e.Topic, e.Partition, e.Offset)
	}
	return fmt.Sprintf("%s: %v", where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Failed is called with an error of a node's own code. It asks the handler, and
// gives nil when the task goes on without the record.
func (t *Task) Failed(node string, err error) error { return t.failed(Process, node, err, "", nil) }

// Panicked is called with what a node's own code panicked with.
func (t *Task) Panicked(node string, p any) error {
	return t.failed(Process, node, panicError(p), string(debug.Stack()), nil)
}

func panicError(p any) error {
	if err, ok := p.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", p)
}

// NotSent is called with an output that cannot be encoded.
func (t *Task) NotSent(node string, o *Output, err error) error {
	return t.failed(Produce, node, err, "", o)
}

func (t *Task) failed(stage Stage, node string, err error, stack string, o *Output) error {
	// What came up from a node behind was treated there.
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	full := &Error{Stage: stage, Node: node, Task: t.cfg.ID, Err: err, Stack: stack}
	if r := t.current; r != nil {
		full.Topic, full.Partition, full.Offset = r.Topic, r.Partition, r.Offset
	}
	handle := t.cfg.Handlers[stage]
	if handle == nil {
		return full
	}
	answer, handlerStack, err := ask(handle, Failure{Stage: stage, Task: t.cfg.ID, Node: node, Record: t.current, Output: o, Err: full})
	if err != nil {
		full.Err, full.Stack = fmt.Errorf("the error handler for (%w): %w", full.Err, err), handlerStack
		return full
	}
	if answer.Action == Continue {
		t.cfg.Logger.Warn("record dropped, going on", "err", full)
	} else {
		t.cfg.Logger.Error("record failed", "err", full, "stack", stack)
	}
	letters := answer.DeadLetters
	if answer.DeadLetter && t.cfg.DeadLetterTopic != "" {
		letters = append(letters, t.letter(full, o))
	}
	for _, l := range letters {
		if err := t.cfg.Collector.Send(l); err != nil {
			return &Error{
				Stage: Produce, Node: node, Task: t.cfg.ID, Topic: full.Topic, Partition: full.Partition, Offset: full.Offset,
				Err: fmt.Errorf("send the dead letter of (%w) to %s: %w", full, l.Topic, err),
			}
		}
	}
	if answer.Action == Continue {
		t.Dropped(node, "error")
		return nil
	}
	return full
}

// ask asks a handler, which is code of the user. What it panics with is an error
// that no handler is asked about.
func ask(handle func(Failure) Response, f Failure) (answer Response, stack string, err error) {
	defer func() {
		if p := recover(); p != nil {
			stack, err = string(debug.Stack()), panicError(p)
		}
	}()
	return handle(f), "", nil
}

// letter is the usual dead letter (KIP-1034): the bytes of the source record, or
// of what could not be sent, and headers that say what was wrong.
func (t *Task) letter(e *Error, o *Output) *Output {
	l := &Output{Topic: t.cfg.DeadLetterTopic, Partition: -1, Node: e.Node}
	switch r := t.current; {
	case e.Stage == Produce && o != nil:
		l.Key, l.Value, l.Time = o.Key, o.Value, o.Time
		l.Headers = append(l.Headers, o.Headers...)
	case r != nil:
		l.Key, l.Value, l.Time = r.Key, r.Value, r.Timestamp.UnixMilli()
		l.Headers = append(l.Headers, r.Headers...)
	default:
		l.Time = t.at
	}
	root := e.Err
	for u := errors.Unwrap(root); u != nil; u = errors.Unwrap(root) {
		root = u
	}
	header := func(name, value string) {
		l.Headers = append(l.Headers, kgo.RecordHeader{Key: "__streams.errors." + name, Value: []byte(value)})
	}
	header("exception", fmt.Sprintf("%T", root))
	header("message", e.Err.Error())
	header("stacktrace", stackOf(e))
	if e.Topic != "" {
		header("topic", e.Topic)
		header("partition", fmt.Sprint(e.Partition))
		header("offset", fmt.Sprint(e.Offset))
	}
	return l
}

func stackOf(e *Error) string {
	if e.Stack != "" {
		return e.Stack
	}
	return e.Error()
}
