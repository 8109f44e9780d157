package state_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"mm2/streams/serde"
	"mm2/streams/state"
)

// change is one record of a changelog.
type change struct {
	key, value []byte
	at         int64
}

// String is "key=value@time" in hex, as the golden vectors have it.
func (c change) String() string {
	if c.value == nil {
		return fmt.Sprintf("%x=null@%d", c.key, c.at)
	}
	return fmt.Sprintf("%x=%x@%d", c.key, c.value, c.at)
}

// bench is a store on rows with everything that it is given.
type bench struct {
	t       testing.TB
	builder state.Builder
	rows    *rows
	log     []change
	now     int64
	dropped int
	failed  []error
}

func newBench(t testing.TB, b state.Builder) *bench {
	t.Helper()
	var r serde.Registry
	if err := b.Resolve(r.Lookup); err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, builder: b, rows: newRows()}
}

func (b *bench) env() state.Env {
	return state.Env{
		Rows:  b.rows,
		Topic: "app-store-changelog",
		Log: func(key, value []byte, at int64) error {
			// A nil value stays nil, an empty one does not become it.
			b.log = append(b.log, change{slices.Clone(key), slices.Clone(value), at})
			return nil
		},
		Time:    func() int64 { return b.now },
		Fail:    func(err error) { b.failed = append(b.failed, err) },
		Dropped: func() { b.dropped++ },
	}
}

// restore makes the rows anew from the changelog.
func (b *bench) restore() {
	b.t.Helper()
	b.rows = newRows()
	for _, c := range b.log {
		if err := b.builder.Restore(b.rows, c.key, c.value, c.at); err != nil {
			b.t.Fatal(err)
		}
	}
}

// opened is the store of b, as an S.
func opened[S any](b *bench) S {
	b.t.Helper()
	s, err := b.builder.Open(b.env())
	if err != nil {
		b.t.Fatal(err)
	}
	typed, ok := s.(S)
	if !ok {
		b.t.Fatalf("the store is a %T", s)
	}
	return typed
}

// wantLog compares what was logged since the last call.
func (b *bench) wantLog(want ...string) {
	b.t.Helper()
	var got []string
	for _, c := range b.log {
		got = append(got, c.String())
	}
	b.log = nil
	if !slices.Equal(got, want) {
		b.t.Errorf("changelog has\n%q, want\n%q", got, want)
	}
}

func (b *bench) wantNoFailure() {
	b.t.Helper()
	if len(b.failed) > 0 {
		b.t.Fatal(b.failed)
	}
	if b.rows.open != 0 {
		b.t.Fatalf("%d scans were not ended", b.rows.open)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ms(n int64) time.Time { return time.UnixMilli(n) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	ok(t, err)
	return b
}
