// Package statetest is the suite that every state.DB passes: histories of
// random changes beside a map, scans that hold on to what they saw, readers
// beside the writer. RunStaged does the same for state.Staged in front of one.
package statetest

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mm2/streams/state"
)

// Open gives an empty DB for one test. The suite closes it.
type Open func(t *testing.T) state.DB

// Run runs the suite for a DB.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, state.DB)
	}{
		{"Empty", testEmpty},
		{"EmptyValue", testEmptyValue},
		{"Bounds", testBounds},
		{"OrderOfChanges", testOrderOfChanges},
		{"DeleteRange", testDeleteRange},
		{"ScanIsASnapshot", testScanIsASnapshot},
		{"ScanTwice", testScanTwice},
		{"SlicesAreNotKept", testSlicesAreNotKept},
		{"AppendGet", testAppendGet},
		{"ApproxLen", testApproxLen},
		{"Random", testRandom},
		{"Readers", testReaders},
		{"Close", testClose},
		{"CloseWhileReading", testCloseWhileReading},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			t.Cleanup(func() { noError(t, db.Close()) })
			c.run(t, db)
		})
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(key, value string) state.Change {
	return state.Change{Op: state.OpPut, Key: []byte(key), Value: []byte(value)}
}

func del(key string) state.Change {
	return state.Change{Op: state.OpDelete, Key: []byte(key)}
}

func delRange(from, to []byte) state.Change {
	return state.Change{Op: state.OpDeleteRange, Key: from, Value: to}
}

// Model is what a DB or Rows should hold.
type Model map[string]string

// Range has the keys of a scan in its order.
func (m Model) Range(from, to []byte, reverse bool) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key >= string(from) && (to == nil || key < string(to)) {
			keys = append(keys, key)
		}
	}
	if reverse {
		slices.Reverse(keys)
	}
	return keys
}

// Apply does to the model what the change does to a DB.
func (m Model) Apply(c state.Change) {
	switch c.Op {
	case state.OpPut:
		m[string(c.Key)] = string(c.Value)
	case state.OpDelete:
		delete(m, string(c.Key))
	case state.OpDeleteRange:
		for _, key := range m.Range(c.Key, c.Value, false) {
			delete(m, key)
		}
	}
}

// Check compares a scan of everything.
func (m Model) Check(t testing.TB, rows Reader) {
	t.Helper()
	m.CheckScan(t, rows, nil, nil, false)
}

// Reader is the reading side of state.DB and state.Rows.
type Reader interface {
	Get(key []byte) (value []byte, ok bool, err error)
	Scan(from, to []byte, reverse bool) iter.Seq2[state.Row, error]
}

// CheckScan compares one scan.
func (m Model) CheckScan(t testing.TB, rows Reader, from, to []byte, reverse bool) {
	t.Helper()
	var got []string
	for row, err := range rows.Scan(from, to, reverse) {
		noError(t, err)
		got = append(got, fmt.Sprintf("%q=%q", row.Key, row.Value))
	}
	var want []string
	for _, key := range m.Range(from, to, reverse) {
		want = append(want, fmt.Sprintf("%q=%q", key, m[key]))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("scan from %q to %q, reverse %v:\n got %v\nwant %v", from, to, reverse, got, want)
	}
}

// CheckGet compares one key.
func (m Model) CheckGet(t testing.TB, rows Reader, key string) {
	t.Helper()
	value, ok, err := rows.Get([]byte(key))
	noError(t, err)
	want, wantOK := m[key]
	if ok != wantOK || string(value) != want {
		t.Fatalf("get %q: %q %v, want %q %v", key, value, ok, want, wantOK)
	}
	if ok && value == nil {
		t.Fatalf("get %q: the empty value is nil", key)
	}
}

// bound is a random bound of a scan, nil at times.
func bound(r *rand.Rand, keys int) []byte {
	switch r.IntN(5) {
	case 0:
		return nil
	case 1:
		return append([]byte(randomKey(r, keys)), 0)
	}
	return []byte(randomKey(r, keys))
}

// randomKey is one of few keys, some the beginnings of others, some with the
// lowest and highest bytes.
func randomKey(r *rand.Rand, keys int) string {
	n := r.IntN(keys)
	key := bytes.Repeat([]byte{[]byte{0, 'a', 'b', 0xff}[n%4]}, 1+n%3)
	return string(append(key, byte(n/12)))
}

// seeds gives each of n histories a source of random numbers that its name
// tells.
func seeds(t *testing.T, n int, run func(*testing.T, *rand.Rand)) {
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			run(t, rand.New(rand.NewPCG(uint64(seed), 1)))
		})
	}
}
