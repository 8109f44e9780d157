package state_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mm2/streams/state"
)

// subject is a store beside a model of it.
type subject interface {
	// open gives it the store anew, on the rows as they are now.
	open(b *bench)
	// step does the same random thing to both.
	step(r *rand.Rand)
	// got and want are all that can be read, from the store and from the model.
	got() string
	want() string
}

const (
	retention = 150 * time.Second // two segments of 75 s
	span      = 150_000
)

func kinds() map[string]func(t *testing.T) (state.Builder, subject) {
	plain := values[*string]{
		of:   func(v *string, _ int64) *string { return v },
		show: func(v *string, _ int64) string { return *v },
	}
	plain.read = func(v *string) string { return plain.show(v, 0) }
	type stampedString = state.Timestamped[*string]
	stamped := values[stampedString]{
		of:   func(v *string, at int64) stampedString { return stampedString{Value: v, Time: ms(at)} },
		show: func(v *string, at int64) string { return fmt.Sprint(*v, "@", at) },
		read: func(v stampedString) string { return fmt.Sprint(*v.Value, "@", v.Time.UnixMilli()) },
	}
	return map[string]func(t *testing.T) (state.Builder, subject){
		"key-value": func(t *testing.T) (state.Builder, subject) {
			return state.NewKeyValue[string, *string]("s"), newKeyValueSubject(t, plain)
		},
		"timestamped key-value": func(t *testing.T) (state.Builder, subject) {
			return state.NewTimestampedKeyValue[string, *string]("s"), newKeyValueSubject(t, stamped)
		},
		"window": func(t *testing.T) (state.Builder, subject) {
			return state.NewWindow[string, *string]("s", retention, time.Second),
				&windowSubject[*string]{t: t, values: plain}
		},
		"timestamped window": func(t *testing.T) (state.Builder, subject) {
			return state.NewTimestampedWindow[string, *string]("s", retention, time.Second),
				&windowSubject[stampedString]{t: t, values: stamped}
		},
		"window with duplicates": func(t *testing.T) (state.Builder, subject) {
			return state.NewWindow[string, *string]("s", retention, time.Second, state.Duplicates()),
				&windowSubject[*string]{t: t, values: plain, duplicates: true}
		},
		"session": func(t *testing.T) (state.Builder, subject) {
			return state.NewSession[string, *string]("s", retention), &sessionSubject{t: t}
		},
	}
}

func TestStoresAgainstModels(t *testing.T) {
	for name, kind := range kinds() {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s/seed %d", name, seed), func(t *testing.T) {
				builder, s := kind(t)
				b := newBench(t, builder)
				r := rand.New(rand.NewPCG(seed, 1))
				s.open(b)
				for step := range 300 {
					b.now = r.Int64N(1000)
					s.step(r)
					switch r.IntN(60) {
					case 0:
						s.open(b)
					case 1:
						b.restore()
						s.open(b)
					case 2, 3:
					default:
						continue
					}
					if got, want := s.got(), s.want(); got != want {
						t.Fatalf("after step %d the store has\n%s\nwant\n%s", step, got, want)
					}
					b.wantNoFailure()
				}
			})
		}
	}
}

// values makes the values of a store and shows them.
type values[W any] struct {
	of   func(v *string, at int64) W
	show func(v *string, at int64) string // of the model
	read func(v W) string                 // of the store
}

// keys are short, and some are the beginning of others.
var keys = []string{"", "a", "a\x00", "a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "ab", "b", "\xff", "\xff\xff"}

func anyKey(r *rand.Rand) string { return keys[r.IntN(len(keys))] }

// anyValue is nil now and then.
func anyValue(r *rand.Rand) *string {
	if r.IntN(5) == 0 {
		return nil
	}
	v := strings.Repeat("x", r.IntN(3)) + fmt.Sprint(r.IntN(100))
	return &v
}

type held struct {
	value *string
	at    int64
}

type keyValueSubject[W any] struct {
	values[W]
	t     *testing.T
	store state.KeyValue[string, W]
	model map[string]held
}

func newKeyValueSubject[W any](t *testing.T, v values[W]) *keyValueSubject[W] {
	return &keyValueSubject[W]{values: v, t: t, model: map[string]held{}}
}

func (s *keyValueSubject[W]) open(b *bench) { s.store = opened[state.KeyValue[string, W]](b) }

func (s *keyValueSubject[W]) step(r *rand.Rand) {
	k, v, at := anyKey(r), anyValue(r), r.Int64N(1000)
	before, was := s.model[k]
	switch r.IntN(4) {
	case 0:
		old, present, err := s.store.Delete(k)
		s.compareOld(old, present, err, before, was)
		delete(s.model, k)
	case 1:
		old, present, err := s.store.PutIfAbsent(k, s.of(v, at))
		s.compareOld(old, present, err, before, was)
		if !was && v != nil {
			s.model[k] = held{v, at}
		}
	default:
		ok(s.t, s.store.Put(k, s.of(v, at)))
		s.model[k] = held{v, at}
		if v == nil {
			delete(s.model, k)
		}
	}
}

func (s *keyValueSubject[W]) compareOld(old W, present bool, err error, want held, wantPresent bool) {
	s.t.Helper()
	ok(s.t, err)
	if present != wantPresent || present && s.read(old) != s.show(want.value, want.at) {
		s.t.Fatalf("old value %v, present %v, want %v, %v", old, present, want, wantPresent)
	}
}

func (s *keyValueSubject[W]) got() string {
	var out strings.Builder
	line := func(k string, v W) { fmt.Fprintf(&out, " %q=%s", k, s.read(v)) }
	for k, v := range s.store.All() {
		line(k, v)
	}
	out.WriteString("\nreverse")
	for k, v := range s.store.AllReverse() {
		line(k, v)
	}
	for _, from := range keys {
		for _, to := range keys {
			fmt.Fprintf(&out, "\n%q to %q", from, to)
			for k, v := range s.store.Range(from, to) {
				line(k, v)
			}
			out.WriteString(" reverse")
			for k, v := range s.store.RangeReverse(from, to) {
				line(k, v)
			}
		}
		if v, present, err := s.store.Get(from); present || err != nil {
			fmt.Fprintf(&out, " get %s %v", s.read(v), err)
		}
	}
	return fmt.Sprintf("%d rows%s", s.store.ApproxLen(), out.String())
}

func (s *keyValueSubject[W]) want() string {
	var out strings.Builder
	lines := func(reverse bool, in func(k string) bool) {
		ordered := slices.Sorted(slices.Values(keys))
		if reverse {
			slices.Reverse(ordered)
		}
		for _, k := range ordered {
			if h, present := s.model[k]; present && in(k) {
				fmt.Fprintf(&out, " %q=%s", k, s.show(h.value, h.at))
			}
		}
	}
	all := func(string) bool { return true }
	lines(false, all)
	out.WriteString("\nreverse")
	lines(true, all)
	for _, from := range keys {
		for _, to := range keys {
			fmt.Fprintf(&out, "\n%q to %q", from, to)
			in := func(k string) bool { return from <= k && k <= to }
			lines(false, in)
			out.WriteString(" reverse")
			lines(true, in)
		}
		if h, present := s.model[from]; present {
			fmt.Fprintf(&out, " get %s <nil>", s.show(h.value, h.at))
		}
	}
	return fmt.Sprintf("%d rows%s", len(s.model), out.String())
}

// clock makes times that go forward by and by, and sometimes far back.
func clock(r *rand.Rand, newest int64) int64 {
	if r.IntN(50) == 0 {
		return newest + r.Int64N(span)
	}
	return max(0, newest+5_000-r.Int64N(span+20_000)) / 1000 * 1000
}

func observed(store any) int64 {
	at, put := store.(state.Observer).Observed()
	if !put {
		return -1
	}
	return at.UnixMilli()
}

// byKey orders rows of the model as the bytes of their keys.
func byKey(a, b string) int { return cmp.Compare(a, b) }
