package task_test

import (
	"errors"
	"testing"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// failing is a store whose iterations fail.
type failing struct {
	state.Builder
	env state.Env
}

func (f *failing) Spec() state.Spec { return state.Spec{} }

func (f *failing) Open(env state.Env) (any, error) { f.env = env; return f, nil }

// withStores is a task with a store that one node is connected to.
func withStores(t *testing.T) (*task.Task, *failing) {
	t.Helper()
	r := newRig(t)
	c := r.cfg
	c.Rows = func(*graph.Store) (state.Rows, error) { return nil, nil }
	c.Global = func(name string) (any, bool) { return "global rows", name == "global" }
	f := &failing{}
	made, err := task.New(c, []*graph.Node{
		{Name: "from-left", Kind: graph.Source, Topics: []string{"left"}, Impl: maker{r}, Stores: []string{"s"}},
		{Name: "other", Kind: graph.Source, Topics: []string{"right"}, Impl: maker{r}},
	}, []*graph.Store{{Name: "s", Builder: f}})
	if err != nil {
		t.Fatal(err)
	}
	return made, f
}

func TestStoreAccess(t *testing.T) {
	tests := []struct{ node, store, err string }{
		{"from-left", "s", ""},
		{"from-left", "global", ""},
		{"other", "global", ""},
		{"other", "s", `processor "other" has no access to store "s": connect the store to it`},
		{"other", "x", `processor "other" asks for store "x", which does not exist`},
		{"nobody", "s", `processor "nobody" has no access to store "s": connect the store to it`},
	}
	made, f := withStores(t)
	for _, tt := range tests {
		s, err := made.Store(tt.node, tt.store)
		check(t, err, tt.err)
		if tt.err == "" && s == nil || tt.store == "s" && tt.err == "" && s != f {
			t.Errorf("store %s of %s is %v", tt.store, tt.node, s)
		}
	}
}

func TestStoreThatDoesNotOpen(t *testing.T) {
	r := newRig(t)
	_, err := task.New(r.cfg, nil, []*graph.Store{{Name: "s", Builder: &failing{}}})
	check(t, err, `task 1_0: open store "s": it broke`)
}

// An iteration that failed in a scheduled function ends the task before anything
// of it is committed.
func TestIterationFailsInPunctuator(t *testing.T) {
	made, f := withStores(t)
	made.Schedule("other", time.Millisecond, task.WallClock, time.UnixMilli(1), func(time.Time) error {
		f.env.Fail(errIt)
		return nil
	})
	_, err := made.PunctuateWallClock()
	check(t, err, `store "s": it broke`)
	if !errors.Is(err, errIt) {
		t.Error("the cause is lost")
	}
}
