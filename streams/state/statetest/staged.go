package statetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"mm2/streams/state"
)

// RunStaged runs the suite for state.Staged in front of a DB.
func RunStaged(t *testing.T, open Open) {
	t.Run("Random", func(t *testing.T) {
		seeds(t, 12, func(t *testing.T, r *rand.Rand) {
			db := open(t)
			defer func() { noError(t, db.Close()) }()
			h := newHistory(db, r)
			for range 400 {
				h.step(t)
			}
		})
	})
	t.Run("WriteWhileScanning", func(t *testing.T) {
		seeds(t, 8, func(t *testing.T, r *rand.Rand) {
			db := open(t)
			defer func() { noError(t, db.Close()) }()
			h := newHistory(db, r)
			for range 60 {
				h.step(t)
			}
			h.writeWhileScanning(t, 3)
		})
	})
}

const stores, keysOfStore = 3, 40

// history is a Staged with models of its stores as the last commit left them
// and as they are now.
type history struct {
	r         *rand.Rand
	s         *state.Staged
	rows      [stores]state.Rows
	now       [stores]Model
	committed [stores]Model
	commits   int64
}

func newHistory(db state.DB, r *rand.Rand) *history {
	h := &history{r: r, s: state.NewStaged(db)}
	for i := range stores {
		// Neighbours and the last number: their ranges must not touch.
		h.rows[i] = h.s.Rows([]uint16{1, 2, 65534}[i])
		h.now[i], h.committed[i] = Model{}, Model{}
	}
	return h
}

func (h *history) step(t *testing.T) {
	t.Helper()
	i := h.r.IntN(stores)
	switch h.r.IntN(30) {
	case 0:
		h.commit(t)
	case 1:
		h.s.Drop()
		for i := range stores {
			h.now[i] = maps.Clone(h.committed[i])
		}
	case 2, 3, 4, 5:
		h.now[i].CheckScan(t, h.rows[i], bound(h.r, keysOfStore), bound(h.r, keysOfStore), h.r.IntN(2) == 0)
	case 6, 7, 8, 9, 10:
		h.now[i].CheckGet(t, h.rows[i], randomKey(h.r, keysOfStore))
	case 11:
		if got := h.rows[i].ApproxLen(); got != int64(len(h.now[i])) {
			t.Fatalf("about %d rows, want %d", got, len(h.now[i]))
		}
	case 12:
		view := h.s.Committed([]uint16{1, 2, 65534}[i])
		h.committed[i].Check(t, view)
		h.committed[i].CheckGet(t, view, randomKey(h.r, keysOfStore))
		if err := view.Put(nil, nil); !errors.Is(err, state.ErrReadOnly) {
			t.Fatalf("write to committed rows: %v", err)
		}
	default:
		h.write(t, i, RandomChange(h.r, keysOfStore))
	}
}

func (h *history) write(t *testing.T, i int, c state.Change) {
	t.Helper()
	h.now[i].Apply(c)
	switch c.Op {
	case state.OpPut:
		noError(t, h.rows[i].Put(c.Key, c.Value))
	case state.OpDelete:
		noError(t, h.rows[i].Delete(c.Key))
	case state.OpDeleteRange:
		noError(t, h.rows[i].DeleteRange(c.Key, c.Value))
	}
}

func (h *history) commit(t *testing.T) {
	t.Helper()
	h.commits++
	meta := state.Meta{"of the test": fmt.Append(nil, h.commits)}
	meta.SetOffset("changelog", 4, h.commits)
	noError(t, h.s.Commit(meta))
	if h.s.Size() != 0 {
		t.Fatalf("%d bytes are staged after a commit", h.s.Size())
	}
	for i := range stores {
		h.committed[i] = maps.Clone(h.now[i])
	}
	next, ok, err := h.s.Offset("changelog", 4)
	noError(t, err)
	if !ok || next != h.commits {
		t.Fatalf("offset %d %v, want %d", next, ok, h.commits)
	}
}

// writeWhileScanning changes the rows in the loop of a scan, in which others
// may be under way, and at times commits or drops them.
func (h *history) writeWhileScanning(t *testing.T, depth int) {
	t.Helper()
	if depth == 0 {
		return
	}
	for i := range stores {
		reverse := h.r.IntN(2) == 0
		from, to := bound(h.r, keysOfStore), bound(h.r, keysOfStore)
		before := maps.Clone(h.now[i])
		want := before.Range(from, to, reverse)
		n := 0
		for row, err := range h.rows[i].Scan(from, to, reverse) {
			noError(t, err)
			if n >= len(want) || string(row.Key) != want[n] || string(row.Value) != before[want[n]] {
				t.Fatalf("step %d of %q: %q=%q", n, want, row.Key, row.Value)
			}
			for range 3 {
				h.step(t)
			}
			if string(row.Key) != want[n] || string(row.Value) != before[want[n]] {
				t.Fatalf("step %d: the row became %q=%q in its own step", n, row.Key, row.Value)
			}
			n++
			if n == 4 {
				h.writeWhileScanning(t, depth-1)
			}
		}
		if n != len(want) {
			t.Fatalf("%d rows, want %d", n, len(want))
		}
	}
}
