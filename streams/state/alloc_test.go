package state_test

import (
	"iter"
	"testing"
	"time"

	"mm2/streams/state"
)

// oneRow has the last value for any key and allocates nothing once it is warm.
type oneRow struct{ meta, value []byte }

func (r *oneRow) at(key []byte) *[]byte {
	if len(key) == 1 && key[0] == 0 {
		return &r.meta
	}
	return &r.value
}

func (r *oneRow) Get(key []byte) ([]byte, bool, error) {
	v := *r.at(key)
	return v, v != nil, nil
}

func (r *oneRow) Put(key, value []byte) error {
	at := r.at(key)
	*at = append((*at)[:0], value...)
	return nil
}

func (*oneRow) Delete([]byte) error              { return nil }
func (*oneRow) DeleteRange([]byte, []byte) error { return nil }
func (*oneRow) ApproxLen() int64                 { return 1 }
func (*oneRow) Scan(_, _ []byte, _ bool) iter.Seq2[state.Row, error] {
	return func(func(state.Row, error) bool) {}
}

func TestGetAndPutDoNotAllocate(t *testing.T) {
	env := state.Env{
		Rows:    &oneRow{},
		Log:     func([]byte, []byte, int64) error { return nil },
		Time:    func() int64 { return 1 },
		Fail:    func(error) {},
		Dropped: func() {},
	}
	open := func(b state.Builder) any {
		env.Rows = &oneRow{}
		s, err := newBench(t, b).builder.Open(env)
		ok(t, err)
		return s
	}
	key := "some key"
	k := open(state.NewTimestampedKeyValue[string, int64]("k")).(state.KeyValue[string, state.Timestamped[int64]])
	w := open(state.NewTimestampedWindow[string, int64]("w", time.Hour, time.Minute)).(state.Window[string, state.Timestamped[int64]])
	d := open(state.NewWindow[string, int64]("d", time.Hour, time.Minute, state.Duplicates())).(state.Window[string, int64])
	s := open(state.NewSession[string, int64]("s", time.Hour)).(state.Session[string, int64])
	now := int64(0)
	for name, do := range map[string]func() error{
		"key-value": func() error {
			if err := k.Put(key, stamp(now, now)); err != nil {
				return err
			}
			_, _, err := k.Get(key)
			return err
		},
		"window": func() error {
			if err := w.Put(key, stamp(now, now), ms(now)); err != nil {
				return err
			}
			_, _, err := w.Get(key, ms(now))
			return err
		},
		"window with duplicates": func() error { return d.Put(key, now, ms(now)) },
		"session": func() error {
			at := state.Span{Start: ms(now), End: ms(now)}
			if err := s.Put(key, at, now); err != nil {
				return err
			}
			_, _, err := s.Get(key, at)
			return err
		},
	} {
		if n := testing.AllocsPerRun(200, func() {
			now += 1000
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
