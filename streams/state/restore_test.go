package state_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mm2/streams/state"
)

func TestSequenceGoesOnAfterRestore(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // changelog keys after "a" and the start, in hex
		want   string
	}{
		{"nothing", nil, "00000001"},
		{"one", []string{"00000001"}, "00000002"},
		{"beginning in the middle", []string{"60000000"}, "60000001"},
		{"an older one again", []string{"00000007", "00000003"}, "00000008"},
		{"the last one", []string{"7fffffff"}, "00000000"},
		{"once round", []string{"7ffffffe", "7fffffff", "00000000"}, "00000001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, state.NewWindow[string, string]("s", time.Minute, time.Second, state.Duplicates()))
			for _, n := range c.before {
				ok(t, b.builder.Restore(b.rows, unhex(t, "610000000000000001"+n), []byte("v"), 1))
			}
			s := opened[state.Window[string, string]](b)
			ok(t, s.Put("a", "w", ms(2)))
			b.wantLog("610000000000000002" + c.want + "=77@0")
		})
	}
}

func TestDeleteOfDuplicates(t *testing.T) {
	b := newBench(t, state.NewWindow[string, string]("s", time.Minute, time.Second, state.Duplicates()))
	s := opened[state.Window[string, string]](b)
	ok(t, s.Put("a", "1", ms(1)))
	ok(t, s.Put("b", "2", ms(1)))
	ok(t, s.Put("a", "3", ms(1)))
	b.log, b.now = nil, 9
	ok(t, s.Delete("a", ms(1)))
	b.wantLog("61000000000000000100000001=null@9", "61000000000000000100000003=null@9")
	if _, present, err := s.Get("a", ms(1)); present || err != nil {
		t.Errorf("got %v, %v", present, err)
	}
	if v, _, _ := s.Get("b", ms(1)); v != "2" {
		t.Errorf("the other key has %q", v)
	}
}

func TestEmptyValueIsNotADeletion(t *testing.T) {
	b := newBench(t, state.NewKeyValue[string, string]("s"))
	s := opened[state.KeyValue[string, string]](b)
	ok(t, s.Put("a", ""))
	b.restore()
	s = opened[state.KeyValue[string, string]](b)
	if v, present, err := s.Get("a"); v != "" || !present || err != nil {
		t.Errorf("got %q, %v, %v", v, present, err)
	}
	b.wantLog("61=@0")
}

func TestWithoutChangelog(t *testing.T) {
	b := newBench(t, state.NewWindow[string, string]("s", time.Minute, time.Second, state.NoChangelog()))
	env := b.env()
	env.Log, env.Time = nil, nil
	opened, err := b.builder.Open(env)
	ok(t, err)
	s := opened.(state.Window[string, string])
	ok(t, s.Put("a", "1", ms(1)))
	ok(t, s.Delete("a", ms(2)))
	if v, _, _ := s.Get("a", ms(1)); v != "1" {
		t.Errorf("got %q", v)
	}
}

func TestRestoreErrors(t *testing.T) {
	window := newBench(t, state.NewWindow[string, string]("w", time.Minute, time.Second))
	session := newBench(t, state.NewSession[string, string]("s", time.Minute))
	foreign := newBench(t, state.NewSession[string, string]("s", time.Minute))
	ok(t, foreign.rows.Put([]byte{0}, []byte("x")))
	for _, c := range []struct {
		b    *bench
		key  string
		want string
	}{
		{window, strings.Repeat("00", 11), `restore store "w", changelog key 0000000000000000000000: want a key of at least 12 bytes, got 11`},
		{window, "ffffffffffffffff00000000", "its time -1 is negative"},
		{session, strings.Repeat("00", 15), "want a key of at least 16 bytes, got 15"},
		{session, "ffffffffffffffff0000000000000000", "its start 0 is not between 0 and its end -1"},
		{session, "0000000000000001ffffffffffffffff", "its start -1 is not between 0 and its end 1"},
		{foreign, strings.Repeat("00", 16), "the rows are not of this store"},
	} {
		err := c.b.builder.Restore(c.b.rows, unhex(t, c.key), []byte("v"), 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.key, err, c.want)
		}
	}
	if _, err := foreign.builder.Open(foreign.env()); err == nil {
		t.Error("a store opened on rows of another")
	}
}

// FuzzRestore gives records that nobody may have written to all kinds of stores:
// none may panic, neither while they are restored nor while they are read.
func FuzzRestore(f *testing.F) {
	f.Add([]byte("a"), []byte("v"), int64(1))
	f.Add(slices.Repeat([]byte{0}, 16), []byte(nil), int64(-1))
	f.Add(slices.Repeat([]byte{0x7f}, 20), []byte{}, int64(1<<62))
	f.Fuzz(func(t *testing.T, key, value []byte, at int64) {
		if len(value) == 0 && at%2 == 0 {
			value = nil
		}
		for _, kind := range kinds() {
			builder, s := kind(t)
			b := newBench(t, builder)
			if builder.Restore(b.rows, key, value, at) != nil {
				continue
			}
			s.open(b)
			s.got()
			if b.rows.open != 0 {
				t.Errorf("%d scans were not ended", b.rows.open)
			}
		}
	})
}
