package streams

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"mm2/streams/serde"
	"mm2/streams/state"
)

// logged is a record of a changelog, in hex; an empty value is a deletion.
type logged struct {
	key, value []byte
	at         int64
}

type waitingBench struct {
	builder *waitingBuilder[string, string, int64]
	log     []logged
	now     int64
}

func newWaitingBench(t *testing.T) *waitingBench {
	t.Helper()
	var r serde.Registry
	texts, ok := serde.Find[string](&r)
	numbers, ok2 := serde.Find[int64](&r)
	if !ok || !ok2 {
		t.Fatal("no serdes")
	}
	return &waitingBench{builder: &waitingBuilder[string, string, int64]{name: "w", key: texts, left: texts, right: numbers}}
}

func (b *waitingBench) open(t *testing.T, rows state.Rows) *waiting[string, string, int64] {
	t.Helper()
	w, err := b.builder.Open(state.Env{
		Rows: rows, Topic: "changelog", Time: func() int64 { return b.now },
		Log: func(key, value []byte, at int64) error {
			b.log = append(b.log, logged{slices.Clone(key), slices.Clone(value), at})
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w.(*waiting[string, string, int64])
}

func memoryRows() state.Rows { return state.NewStaged(state.NewMemory()).Rows(1) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWaitingFormat(t *testing.T) {
	b := newWaitingBench(t)
	w := b.open(t, memoryRows())
	b.now = 7
	must(t, w.add("a", 5, some("l0"), maybe[int64]{}))
	must(t, w.add("a", 5, some(""), maybe[int64]{}))
	must(t, w.add("b", 6, maybe[string]{}, some(int64(258))))
	must(t, w.remove("a", 5, false)) // there is none on that side: nothing is logged
	b.now = 8
	must(t, w.remove("a", 5, true))
	var got []string
	for _, l := range b.log {
		got = append(got, fmt.Sprintf("%s=%s@%d", hex.EncodeToString(l.key), hex.EncodeToString(l.value), l.at))
	}
	want := []string{
		"00000000000000050161=010000000100000003016c30@7",
		"00000000000000050161=010000000200000003016c300000000101@7",
		"00000000000000060062=01000000010000000900" + "0000000000000102@7",
		"00000000000000050161=@8",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// waited is a record that waits, in a model.
type waited struct {
	at    int64
	left  bool
	key   string
	value int
}

func TestWaitingIsItsModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := newWaitingBench(t)
		rows := memoryRows()
		w := b.open(t, rows)
		var model []waited
		for i := range 300 {
			r := waited{rng.Int64N(20), rng.IntN(2) == 0, string(rune('a' + rng.IntN(3))), i}
			switch p := rng.IntN(10); {
			case p < 6:
				l, right := maybe[string]{fmt.Sprint(i), r.left}, maybe[int64]{int64(i), !r.left}
				must(t, w.add(r.key, r.at, l, right))
				model = append(model, r)
			case p < 8:
				must(t, w.remove(r.key, r.at, r.left))
				model = slices.DeleteFunc(model, func(m waited) bool { return m.at == r.at && m.left == r.left && m.key == r.key })
			case p == 8:
				closedL, closedR := rng.Int64N(20), rng.Int64N(20)
				var want, got []waited
				want, model = dueOf(model, closedL, closedR)
				must(t, w.takeDue(closedL, closedR, func(k string, at int64, l maybe[string], right maybe[int64]) {
					n := int(right.v)
					if l.ok {
						_, err := fmt.Sscan(l.v, &n)
						must(t, err)
					}
					got = append(got, waited{at, l.ok, k, n})
				}))
				if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(waited{})); diff != "" {
					t.Fatalf("seed %d, step %d (-want +got):\n%s", seed, i, diff)
				}
			default:
				rows = b.restored(t, rows)
				w = b.open(t, rows)
			}
			for _, m := range model {
				if m.at < w.first {
					t.Fatalf("seed %d, step %d: a record waits from %d, and the first is said to be at %d", seed, i, m.at, w.first)
				}
			}
		}
	}
}

func dueOf(model []waited, closedL, closedR int64) (due, rest []waited) {
	for _, m := range model {
		if m.left && m.at < closedL || !m.left && m.at < closedR {
			due = append(due, m)
		} else {
			rest = append(rest, m)
		}
	}
	slices.SortStableFunc(due, func(a, b waited) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(side(a.left), side(b.left)), cmp.Compare(a.key, b.key))
	})
	return due, rest
}

// restored are the rows as the changelog gives them, which must be those there are.
func (b *waitingBench) restored(t *testing.T, rows state.Rows) state.Rows {
	t.Helper()
	again := memoryRows()
	for _, l := range b.log {
		must(t, b.builder.Restore(again, l.key, l.value, l.at))
	}
	if diff := gocmp.Diff(dump(t, rows), dump(t, again)); diff != "" {
		t.Fatalf("restored (-want +got):\n%s", diff)
	}
	return again
}

func dump(t *testing.T, rows state.Rows) (all []string) {
	t.Helper()
	for row, err := range rows.Scan(nil, nil, false) {
		must(t, err)
		all = append(all, fmt.Sprintf("%x=%x", row.Key, row.Value))
	}
	return all
}

func TestWaitingRefusesDamage(t *testing.T) {
	b := newWaitingBench(t)
	key, value := "00000000000000050161", "010000000100000003016c30"
	for name, c := range map[string]struct{ key, value string }{
		"short key":       {"0000000000000005", value},
		"side of the key": {"00000000000000050261", value},
		"no list":         {key, "0100"},
		"other list":      {key, "000000000100000003016c30"},
		"cut length":      {key, "0100000001000000"},
		"cut value":       {key, "010000000100000003016c"},
		"no side":         {key, "010000000100000000"},
		"side":            {key, "010000000100000003026c30"},
		"null":            {key, "0100000001ffffffff"},
		"more than count": {key, value + "00"},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := hex.DecodeString(c.key)
			v, _ := hex.DecodeString(c.value)
			rows := memoryRows()
			if err := b.builder.Restore(rows, k, v, 0); err == nil {
				t.Error("restored, want an error")
			}
			must(t, rows.Put(k, v))
			w, err := b.builder.Open(state.Env{Rows: rows})
			if err == nil {
				err = w.(*waiting[string, string, int64]).takeDue(100, 100, func(string, int64, maybe[string], maybe[int64]) {})
			}
			if err == nil {
				t.Error("read, want an error")
			}
		})
	}
}

func FuzzWaitingList(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 'l', '0'})
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 2, 1, 'x'})
	f.Add([]byte{1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, list []byte) {
		var again []byte
		err := eachWaiting(list, func(left bool, value []byte) (err error) {
			again, err = appendWaiting(again, left, func(dst []byte) ([]byte, error) { return append(dst, value...), nil })
			return err
		})
		if err == nil && again != nil && !slices.Equal(again, list) {
			t.Errorf("%x is written as %x", list, again)
		}
	})
}

// clock is a context with a clock that a test sets, and nothing else.
type clock struct {
	ProcessorContext[string, string]
	now time.Time
}

func (c *clock) WallClock() time.Time { return c.now }

func TestThrottle(t *testing.T) {
	c := &clock{now: time.UnixMilli(10_000)}
	p := &streamSide[string, string, string, string, string, string]{ctx: c, waits: &waiting[string, string, string]{}, throttle: time.Second}
	for i, step := range []struct {
		by   time.Duration
		want bool
	}{
		{0, true}, {0, false}, {999 * time.Millisecond, false}, {time.Millisecond, true}, {time.Second, true},
		{-time.Millisecond, true}, // the clock was set back: better once too often than never
		{500 * time.Millisecond, false}, {-time.Hour, true}, {time.Second, true},
	} {
		c.now = c.now.Add(step.by)
		if got := p.due(); got != step.want {
			t.Errorf("step %d: due is %v, want %v", i, got, step.want)
		}
	}
	p.throttle = 0
	for range 3 {
		if !p.due() {
			t.Error("without a throttle it is not due")
		}
	}
}

func TestPointerSerde(t *testing.T) {
	s := pointerSerde[string]{serde.Func(
		func(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil },
		func(b []byte) (string, error) {
			if string(b) == "bad" {
				return "", errors.New("bad")
			}
			return string(b), nil
		},
	)}
	b, err := s.AppendEncode([]byte("x"), &[]string{"y"}[0])
	if string(b) != "xy" || err != nil {
		t.Errorf("encoded %q, %v", b, err)
	}
	if v, err := s.Decode([]byte("z")); err != nil || *v != "z" {
		t.Errorf("decoded %v, %v", v, err)
	}
	if _, err := s.AppendEncode(nil, nil); err == nil {
		t.Error("encoded a nil")
	}
	if _, err := s.Decode([]byte("bad")); err == nil {
		t.Error("decoded what the serde cannot")
	}
}
