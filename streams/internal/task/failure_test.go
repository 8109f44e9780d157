package task_test

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/task"
)

func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && err.Error() != want:
		t.Errorf("the error is %q, want %q", err, want)
	}
}

func broken(p task.Partition, offset int64, value string) *kgo.Record {
	r := record(p, offset, 10)
	r.Value = []byte(value)
	r.Headers = []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}
	return r
}

func headers(o *task.Output) map[string]string {
	all := make(map[string]string)
	for _, h := range o.Headers {
		all[strings.TrimPrefix(h.Key, "__streams.errors.")] = string(h.Value)
	}
	return all
}

func TestFailures(t *testing.T) {
	fails := func(*kgo.Record) error { return errIt }
	tests := []struct {
		name    string
		value   string
		process func(*kgo.Record) error
		stage   task.Stage
		node    string
		err     string
		seen    string // when it goes on
	}{
		{"decode", "bad", nil, task.Decode, "from-left", `decode in node "from-left" of task 1_0, with left partition 0 offset 5: it broke`, "l6"},
		{"decode panics", "panic", nil, task.Decode, "from-left", `decode in node "from-left" of task 1_0, with left partition 0 offset 5: panic: it broke`, "l6"},
		{"process", "v", fails, task.Process, "node", `process in node "node" of task 1_0, with left partition 0 offset 5: it broke`, "l5 l6"},
		{"process panics", "v", func(*kgo.Record) error { panic(errIt) }, task.Process, "node", `process in node "node" of task 1_0, with left partition 0 offset 5: panic: it broke`, "l5 l6"},
	}
	add := func(r *rig, value string, process func(*kgo.Record) error) {
		r.t.Helper()
		if process != nil {
			r.process = func(k *kgo.Record) error {
				if k.Offset == 5 {
					return process(k)
				}
				return nil
			}
		}
		if err := r.task.Add(left, records(broken(left, 5, value), record(left, 6, 20))); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, tt := range tests {
		fail := func(t *testing.T, r *rig) {
			t.Helper()
			add(r, tt.value, tt.process)
			if at := r.task.Positions()[left].Offset; at != 5 {
				t.Errorf("position %d before, want 5", at)
			}
			err := r.all()
			check(t, err, tt.err)
			full, ok := errors.AsType[*task.Error](err)
			if !ok || full.Stage != tt.stage || full.Node != tt.node || full.Task != r.cfg.ID || full.Topic != "left" || full.Offset != 5 {
				t.Errorf("the error is %+v", full)
			}
			if !errors.Is(err, errIt) {
				t.Error("the cause is lost")
			}
			if strings.Contains(tt.name, "panic") != strings.Contains(full.Stack, "rig_test.go") && tt.stage == task.Decode {
				t.Errorf("the stack is %q", full.Stack)
			}
			if at := r.task.Positions()[left].Offset; at != 5 {
				t.Errorf("position %d after, want 5: the record is not processed", at)
			}
		}
		t.Run(tt.name+"/no handler", func(t *testing.T) { fail(t, newRig(t)) })
		t.Run(tt.name+"/fail", func(t *testing.T) {
			var seen task.Failure
			r := newRig(t, deadLetters(), handle(tt.stage, func(f task.Failure) task.Response {
				seen = f
				return task.Response{Action: task.Fail, DeadLetter: true}
			}))
			fail(t, r)
			if seen.Stage != tt.stage || seen.Node != tt.node || seen.Record == nil || seen.Record.Offset != 5 || seen.Err == nil || seen.Output != nil {
				t.Errorf("the handler saw %+v", seen)
			}
			if len(r.sent) != 1 || len(r.dropped) != 0 {
				t.Errorf("%d dead letters, dropped %q", len(r.sent), r.dropped)
			}
		})
		t.Run(tt.name+"/continue", func(t *testing.T) {
			r := newRig(t, deadLetters(), handle(tt.stage, answer(task.Response{Action: task.Continue, DeadLetter: true})))
			add(r, tt.value, tt.process)
			r.mustAll()
			if got := r.takeSeen(); got != tt.seen {
				t.Errorf("processed %q, want %q", got, tt.seen)
			}
			if at := r.task.Positions()[left].Offset; at != 7 {
				t.Errorf("position %d, want 7", at)
			}
			if len(r.dropped) != 1 || r.dropped[0] != tt.node+": error" {
				t.Errorf("dropped %q", r.dropped)
			}
			if len(r.sent) != 1 {
				t.Fatalf("%d dead letters", len(r.sent))
			}
			l := r.sent[0]
			if l.Topic != "dead" || l.Partition != -1 || string(l.Key) != "k" || string(l.Value) != tt.value || l.Time != 10 {
				t.Errorf("the dead letter is %+v", l)
			}
			got := headers(l)
			stack := got["stacktrace"]
			delete(got, "stacktrace")
			message := "it broke"
			if strings.Contains(tt.name, "panics") {
				message = "panic: it broke"
			}
			want := map[string]string{"h": "1", "exception": "*errors.errorString", "message": message, "topic": "left", "partition": "0", "offset": "5"}
			if !maps.Equal(got, want) {
				t.Errorf("the headers are %v, want %v", got, want)
			}
			if strings.Contains(tt.name, "panics") != strings.Contains(stack, "goroutine") {
				t.Errorf("the stack trace is %q", stack)
			}
		})
	}
}

// A decode error at the head of one queue holds all: nothing is processed, and no
// position moves.
func TestDecodeErrorAtTheHead(t *testing.T) {
	r := newRig(t)
	r.add(right, 0, 1)
	r.add(left, 4, 10)
	if err := r.task.Add(left, records(broken(left, 5, "bad"))); err != nil {
		t.Fatal(err)
	}
	r.mustOne(t) // r0
	if err := r.all(); err == nil {
		t.Fatal("no error")
	}
	if got := r.takeSeen(); got != "r0 l4" {
		t.Errorf("processed %q", got)
	}
	if at := r.task.Positions(); at[left].Offset != 5 || at[right].Offset != 1 {
		t.Errorf("positions %v", at)
	}
}

func (r *rig) mustOne(t *testing.T) {
	t.Helper()
	if did, err := r.task.Process(r.now); err != nil || !did {
		t.Fatal(did, err)
	}
}

func TestDeadLetters(t *testing.T) {
	own := &task.Output{Topic: "own"}
	tests := []struct {
		name   string
		opts   []option
		answer task.Response
		want   []string
	}{
		{"no topic", nil, task.Response{Action: task.Continue, DeadLetter: true}, nil},
		{"not asked", []option{deadLetters()}, task.Response{Action: task.Continue}, nil},
		{"own", []option{deadLetters()}, task.Response{Action: task.Continue, DeadLetters: []*task.Output{own}}, []string{"own"}},
		{"both", []option{deadLetters()}, task.Response{Action: task.Continue, DeadLetters: []*task.Output{own}, DeadLetter: true}, []string{"own", "dead"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, append(tt.opts, handle(task.Process, answer(tt.answer)))...)
			r.process = func(*kgo.Record) error { return errIt }
			r.add(left, 0, 10)
			r.mustAll()
			var topics []string
			for _, o := range r.sent {
				topics = append(topics, o.Topic)
			}
			if strings.Join(topics, " ") != strings.Join(tt.want, " ") {
				t.Errorf("sent to %q, want %q", topics, tt.want)
			}
		})
	}
}

// A dead letter that cannot be sent fails the task, also when it was to go on:
// the record would be lost.
func TestDeadLetterNotSent(t *testing.T) {
	r := newRig(t, deadLetters(), handle(task.Process, answer(task.Response{Action: task.Continue, DeadLetter: true})))
	r.process = func(*kgo.Record) error { return errIt }
	r.refuse = io.ErrClosedPipe
	r.add(left, 5, 10)
	err := r.all()
	full, ok := errors.AsType[*task.Error](err)
	if !ok || full.Stage != task.Produce || full.Offset != 5 || !errors.Is(err, io.ErrClosedPipe) || !errors.Is(err, errIt) {
		t.Errorf("the error is %v", err)
	}
}

// What could not be sent is the dead letter, with where it came from.
func TestNotSent(t *testing.T) {
	var seen task.Failure
	r := newRig(t, deadLetters(), handle(task.Produce, func(f task.Failure) task.Response {
		seen = f
		return task.Response{Action: task.Continue, DeadLetter: true}
	}))
	o := &task.Output{Topic: "out", Key: []byte("key"), Time: 99}
	r.process = func(*kgo.Record) error { return r.task.NotSent("sink", o, errIt) }
	r.add(left, 5, 10)
	r.mustAll()
	if seen.Stage != task.Produce || seen.Node != "sink" || seen.Output != o || seen.Record == nil {
		t.Errorf("the handler saw %+v", seen)
	}
	l := r.sent[0]
	if string(l.Key) != "key" || l.Value != nil || l.Time != 99 || headers(l)["topic"] != "left" || headers(l)["offset"] != "5" {
		t.Errorf("the dead letter is %+v", l)
	}
}

// What failed below was treated there: the nodes above ask no handler again.
func TestTreatedOnce(t *testing.T) {
	calls := 0
	r := newRig(t, handle(task.Process, func(task.Failure) task.Response { calls++; return task.Response{} }))
	r.process = func(*kgo.Record) error { return r.task.Failed("below", errIt) }
	r.add(left, 0, 10)
	err := r.all()
	if full, ok := errors.AsType[*task.Error](err); !ok || full.Node != "below" || calls != 1 {
		t.Errorf("%d calls, the error is %v", calls, err)
	}
}

func TestCommitRequested(t *testing.T) {
	r := newRig(t)
	r.process = func(k *kgo.Record) error {
		if k.Offset == 1 {
			r.task.RequestCommit()
		}
		return nil
	}
	r.add(left, 0, 10, 20, 30)
	for i, want := range []bool{false, true, false} {
		r.mustOne(t)
		if got := r.task.CommitRequested(); got != want {
			t.Errorf("record %d: a commit is asked for: %v", i, got)
		}
	}
}

// TestHandlerPanics has the user's handler panic: that is an error of the task with
// both causes, and the record is not processed.
func TestHandlerPanics(t *testing.T) {
	for _, stage := range []task.Stage{task.Decode, task.Process} {
		t.Run(stage.String(), func(t *testing.T) {
			r := newRig(t, handle(stage, func(task.Failure) task.Response { panic("handler") }))
			value := "v"
			if stage == task.Decode {
				value = "bad"
			}
			r.process = func(*kgo.Record) error { return errIt }
			if err := r.task.Add(left, records(broken(left, 5, value))); err != nil {
				t.Fatal(err)
			}
			err := r.all()
			full, ok := errors.AsType[*task.Error](err)
			if !ok || full.Stage != stage || !strings.Contains(err.Error(), "panic: handler") || !strings.Contains(full.Stack, "failure_test.go") {
				t.Errorf("got %v, %+v", err, full)
			}
			if at := r.task.Positions()[left].Offset; at != 5 {
				t.Errorf("position %d, want 5", at)
			}
		})
	}
}
