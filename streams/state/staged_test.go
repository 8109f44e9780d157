package state_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"mm2/streams/state"
	"mm2/streams/state/statetest"
)

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoreNumbers(t *testing.T) {
	s := state.NewStaged(state.NewMemory())
	for _, number := range []uint16{0, 65535} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("store %d would share keys with others", number)
				}
			}()
			s.Rows(number)
		}()
	}
}

// faulty is a DB whose writes or reads fail.
type faulty struct {
	state.DB
	write, read error
}

func (f *faulty) Write(changes []state.Change) error {
	if f.write != nil {
		return f.write
	}
	return f.DB.Write(changes)
}

func (f *faulty) Get(key []byte) (value []byte, ok bool, err error) {
	if f.read != nil {
		return nil, false, f.read
	}
	return f.DB.Get(key)
}

func (f *faulty) Scan(from, to []byte, reverse bool) iter.Seq2[state.Row, error] {
	if f.read != nil {
		return func(yield func(state.Row, error) bool) { yield(state.Row{}, f.read) }
	}
	return f.DB.Scan(from, to, reverse)
}

func TestFailedCommitKeepsWhatIsStaged(t *testing.T) {
	broken := errors.New("broken")
	db := &faulty{DB: state.NewMemory(), write: broken}
	s := state.NewStaged(db)
	rows, m := s.Rows(1), statetest.Model{"a": "1"}
	noError(t, rows.Put([]byte("a"), []byte("1")))
	meta := state.Meta{}
	meta.SetOffset("t", 0, 7)
	if err := s.Commit(meta); !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	m.Check(t, rows)
	statetest.Model{}.Check(t, s.Committed(1))
	db.write = nil
	noError(t, s.Commit(meta))
	m.Check(t, s.Committed(1))
}

func TestReadErrorsComeThrough(t *testing.T) {
	broken := errors.New("broken")
	s := state.NewStaged(&faulty{DB: state.NewMemory(), read: broken})
	noError(t, s.Rows(1).Put([]byte("b"), nil))
	for _, rows := range []state.Rows{s.Rows(1), s.Committed(1)} {
		if _, _, err := rows.Get([]byte("a")); !errors.Is(err, broken) {
			t.Errorf("get: %v", err)
		}
		steps := 0
		for row, err := range rows.Scan(nil, nil, false) {
			if steps++; !errors.Is(err, broken) || row.Key != nil || row.Value != nil {
				t.Errorf("scan: %q, %v", row, err)
			}
		}
		if steps != 1 {
			t.Errorf("%d steps", steps)
		}
	}
	_, _, errMeta := s.Meta("x")
	_, _, errOffset := s.Offset("t", 0)
	_, errOffsets := s.Offsets()
	for _, err := range []error{errMeta, errOffset, errOffsets, s.Verify("x")} {
		if !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}

func TestOffsets(t *testing.T) {
	s := state.NewStaged(state.NewMemory())
	if _, ok, err := s.Offset("a", 1); ok || err != nil {
		t.Fatal(ok, err)
	}
	meta := state.Meta{}
	meta.SetOffset("a-changelog", 1, 1<<40)
	meta.SetOffset("a-changelog", 12, 0)
	meta.SetOffset("b.c_d", 0, 5)
	meta.SetOffset("gone", 0, 5)
	noError(t, s.Commit(meta))
	meta = state.Meta{}
	meta.DeleteOffset("gone", 0)
	noError(t, s.Commit(meta))
	got, err := s.Offsets()
	noError(t, err)
	want := []state.Changelog{{"a-changelog", 1, 1 << 40}, {"a-changelog", 12, 0}, {"b.c_d", 0, 5}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, c := range want {
		next, ok, err := s.Offset(c.Topic, c.Partition)
		if err != nil || !ok || next != c.Next {
			t.Errorf("%v: %d %v %v", c, next, ok, err)
		}
	}
}

func TestOffsetsThatAreNone(t *testing.T) {
	for name, value := range map[string][]byte{
		"offset/t/0":  {1},
		"offset/t/1":  bytes.Repeat([]byte{0xff}, 8),
		"offset/t/-1": make([]byte, 8),
		"offset/t":    make([]byte, 8),
		"offset//1":   make([]byte, 8),
	} {
		s := state.NewStaged(state.NewMemory())
		noError(t, s.Commit(state.Meta{name: value}))
		if _, err := s.Offsets(); !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%s=%x: %v", name, value, err)
		}
	}
}

func TestVerify(t *testing.T) {
	db := state.NewMemory()
	s := state.NewStaged(db)
	noError(t, s.Verify("one"))
	noError(t, s.Verify("two")) // nothing is written yet
	noError(t, s.Commit(nil))
	noError(t, state.NewStaged(db).Verify("two"))
	err := state.NewStaged(db).Verify("one")
	if !errors.Is(err, state.ErrLayout) || !strings.Contains(err.Error(), "app/topology") {
		t.Errorf("another topology: %v", err)
	}
	noError(t, s.Commit(state.Meta{"format": {0, 0, 0, 9}}))
	if err := state.NewStaged(db).Verify("two"); !errors.Is(err, state.ErrLayout) || !strings.Contains(err.Error(), "format") {
		t.Errorf("another format: %v", err)
	}
	db = state.NewMemory()
	noError(t, db.Write([]state.Change{{Op: state.OpPut, Key: []byte("a")}}))
	if err := state.NewStaged(db).Verify("one"); !errors.Is(err, state.ErrLayout) {
		t.Errorf("rows of somebody else: %v", err)
	}
}

func TestSizeGrowsAndDropForgets(t *testing.T) {
	s := state.NewStaged(state.NewMemory())
	rows := s.Rows(1)
	for i := range 1000 {
		before := s.Size()
		noError(t, rows.Put(fmt.Append(nil, i), make([]byte, 100)))
		if grown := s.Size() - before; grown < 100 || grown > 1000 {
			t.Fatalf("put %d: %d bytes", i, grown)
		}
	}
	full := s.Size()
	for i := range 1000 {
		noError(t, rows.Put(fmt.Append(nil, i), make([]byte, 90)))
	}
	if s.Size() != full {
		t.Errorf("values that fit in the place of others: %d bytes became %d", full, s.Size())
	}
	noError(t, rows.DeleteRange(nil, nil))
	s.Drop()
	if s.Size() != 0 {
		t.Errorf("%d bytes after Drop", s.Size())
	}
	statetest.Model{}.Check(t, rows)
}

// Tables of any size work, and those after a large one too.
func TestLargeCommits(t *testing.T) {
	s := state.NewStaged(state.NewMemory())
	rows, m := s.Rows(7), statetest.Model{}
	for _, n := range []int{10, 40_000, 10, 20_000} {
		for i := range n {
			key := binary.BigEndian.AppendUint32(nil, uint32(i*7919%100_003))
			m[string(key)] = fmt.Sprint(n)
			noError(t, rows.Put(key, fmt.Append(nil, n)))
		}
		m.Check(t, rows)
		noError(t, s.Commit(nil))
		m.Check(t, rows)
	}
	if got := rows.ApproxLen(); got != int64(len(m)) {
		t.Errorf("about %d rows, want %d", got, len(m))
	}
}

// Once memory is there, work on rows that are staged takes no more.
func TestStagedRowsAllocateNothing(t *testing.T) {
	s := state.NewStaged(state.NewMemory())
	rows := s.Rows(1)
	key, value := []byte("key of a row"), make([]byte, 120)
	noError(t, rows.Put(key, value))
	allocs := testing.AllocsPerRun(100, func() {
		_, ok, err := rows.Get(key)
		if !ok || err != nil || rows.Put(key, value) != nil || rows.Delete(key) != nil || rows.Put(key, value) != nil {
			t.Fatal(ok, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	noError(t, s.Commit(nil))
	allocs = testing.AllocsPerRun(100, func() {
		if _, ok, err := rows.Get(key); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for a row of the DB", allocs)
	}
}

func FuzzOffsets(f *testing.F) {
	f.Add("topic/0", make([]byte, 8))
	f.Add("topic/00", make([]byte, 8))
	f.Add("/1", []byte{1})
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		s := state.NewStaged(state.NewMemory())
		noError(t, s.Commit(state.Meta{"offset/" + name: value}))
		found, err := s.Offsets()
		if err != nil {
			if !errors.Is(err, state.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		for _, c := range found {
			next, ok, err := s.Offset(c.Topic, c.Partition)
			if err != nil || !ok || next != c.Next || next < 0 {
				t.Errorf("%q: %v is found, but read as %d %v %v", name, c, next, ok, err)
			}
		}
	})
}
