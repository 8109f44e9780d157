package buffer_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mm2/streams/internal/buffer"
	"mm2/streams/state"
)

// bench is a buffer, the changelog it has written, and a model of it.
type bench struct {
	t      *testing.T
	staged *state.Staged
	buf    *buffer.Buffer
	log    [][2][]byte
	model  map[string]held
}

type held struct {
	order            int64
	prior, old, last string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, staged: state.NewStaged(state.NewMemory()), model: map[string]held{}}
	b.open()
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	b.buf, err = buffer.Open(b.staged.Rows(1), func(key, value []byte) error {
		b.log = append(b.log, [2][]byte{slices.Clone(key), slices.Clone(value)})
		return nil
	})
	b.ok(err)
}

// restore makes the rows anew from the changelog.
func (b *bench) restore() {
	b.t.Helper()
	b.staged = state.NewStaged(state.NewMemory())
	for _, r := range b.log {
		b.ok(buffer.Restore(b.staged.Rows(1), r[0], r[1]))
	}
	b.open()
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func text(b []byte) string {
	if b == nil {
		return "null"
	}
	return "=" + string(b)
}

func valueOf(s string) []byte {
	if s == "null" {
		return nil
	}
	return []byte(s[1:])
}

func (b *bench) put(order int64, key, old, last string) {
	b.t.Helper()
	b.ok(b.buf.Put(order, []byte(key), buffer.Value{Time: order, Topic: "t", Old: valueOf(old), New: valueOf(last)}))
	h, ok := b.model[key]
	if !ok {
		h = held{order: order, prior: old}
	}
	h.old, h.last = old, last
	b.model[key] = h
}

// take takes out what comes before the time, and compares it.
func (b *bench) take(before int64) {
	b.t.Helper()
	var got, want []string
	b.ok(b.buf.Take(func() bool {
		first, ok := b.buf.First()
		return ok && first < before
	}, func(key []byte, v buffer.Value) error {
		got = append(got, fmt.Sprintf("%q %s %s %s", key, text(v.Prior), text(v.Old), text(v.New)))
		return nil
	}))
	for _, key := range b.ordered() {
		if h := b.model[key]; h.order < before {
			want = append(want, fmt.Sprintf("%q %s %s %s", key, h.prior, h.old, h.last))
			delete(b.model, key)
		}
	}
	if !slices.Equal(got, want) {
		b.t.Fatalf("took %q, want %q", got, want)
	}
}

func (b *bench) ordered() []string {
	keys := make([]string, 0, len(b.model))
	for k := range b.model {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int {
		return cmp.Or(cmp.Compare(b.model[x].order, b.model[y].order), strings.Compare(x, y))
	})
	return keys
}

// compare compares all that can be asked.
func (b *bench) compare() {
	b.t.Helper()
	if b.buf.Len() != int64(len(b.model)) {
		b.t.Fatalf("the buffer has %d keys, want %d", b.buf.Len(), len(b.model))
	}
	keys := b.ordered()
	first, ok := b.buf.First()
	if ok != (len(keys) > 0) || ok && first != b.model[keys[0]].order {
		b.t.Fatalf("the first is %d, %v; the model is %v", first, ok, b.model)
	}
	for _, key := range anyKeys {
		prior, isHeld, err := b.buf.Prior([]byte(key))
		b.ok(err)
		h, want := b.model[key]
		if isHeld != want || isHeld && text(prior) != h.prior {
			b.t.Fatalf("key %q has the prior value %s, %v; want %s, %v", key, text(prior), isHeld, h.prior, want)
		}
	}
	fresh, err := buffer.Open(b.staged.Rows(1), nil)
	b.ok(err)
	if fresh.Len() != b.buf.Len() || fresh.Size() != b.buf.Size() {
		b.t.Fatalf("opened anew it has %d keys and %d bytes, before %d and %d", fresh.Len(), fresh.Size(), b.buf.Len(), b.buf.Size())
	}
}

// Some keys are the beginning of others.
var anyKeys = []string{"", "a", "a\x00", "ab", "b", "\xff", "\xff\xff"}

func TestAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			b := newBench(t)
			texts := []string{"null", "=", "=1", "=22"}
			for range 300 {
				switch r.IntN(12) {
				case 0, 1:
					b.take(r.Int64N(40))
				case 2:
					b.open()
				case 3:
					b.restore()
				default:
					b.put(r.Int64N(40), anyKeys[r.IntN(len(anyKeys))], texts[r.IntN(4)], texts[r.IntN(4)])
				}
				b.compare()
			}
			b.take(100)
			b.compare()
			if b.buf.Size() != 0 {
				t.Errorf("the empty buffer has %d bytes", b.buf.Size())
			}
		})
	}
}

func TestTakeStopsAtError(t *testing.T) {
	b := newBench(t)
	b.put(1, "a", "null", "=1")
	b.put(2, "b", "null", "=1")
	failure := fmt.Errorf("not now")
	err := b.buf.Take(func() bool { return true }, func([]byte, buffer.Value) error { return failure })
	if err != failure { //nolint:errorlint // it is passed on as it is
		t.Errorf("error %v, want %v", err, failure)
	}
	if b.buf.Len() != 1 {
		t.Errorf("the buffer has %d keys, want 1", b.buf.Len())
	}
}

func TestRefused(t *testing.T) {
	b := newBench(t)
	if err := b.buf.Put(-1, []byte("a"), buffer.Value{}); err == nil {
		t.Error("a negative time is taken")
	}
	rows := b.staged.Rows(1)
	for _, value := range [][]byte{{}, {1, 2, 3}, bytes.Repeat([]byte{0xff}, 60)} {
		if err := buffer.Restore(rows, []byte("a"), value); err == nil {
			t.Errorf("the changelog value %x is taken", value)
		}
	}
	if err := buffer.Restore(rows, []byte("a"), nil); err != nil {
		t.Errorf("the deletion of a key that is not there: %v", err)
	}
	b.compare()
}
