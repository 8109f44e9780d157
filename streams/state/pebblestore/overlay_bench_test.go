package pebblestore_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
)

// hotKeys is how many rows the benchmarks of this file have staged: reads and
// writes of rows that were written since the last commit.
const hotKeys = 5000

func hotKey(i int) []byte {
	return binary.BigEndian.AppendUint64([]byte("a key of"), uint64(i%hotKeys)*0x9e3779b97f4a7c15)
}

func BenchmarkStagedRow(b *testing.B) {
	s := state.NewStaged(open(b, b.TempDir(), pebblestore.Options{}))
	rows, value := s.Rows(1), make([]byte, 120)
	for i := range hotKeys {
		if err := rows.Put(hotKey(i), value); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	key, i := hotKey(0), 0
	for b.Loop() {
		i++
		binary.BigEndian.PutUint64(key[8:], uint64(i%hotKeys)*0x9e3779b97f4a7c15)
		if _, ok, err := rows.Get(key); !ok || err != nil {
			b.Fatal(ok, err)
		}
		if err := rows.Put(key, value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndexedBatchRow(b *testing.B) {
	db, err := pebble.Open(b.TempDir(), &pebble.Options{DisableWAL: true, Logger: quiet{}})
	if err != nil {
		b.Fatal(err)
	}
	batch := db.NewIndexedBatch()
	value := make([]byte, 120)
	for i := range hotKeys {
		if err := batch.Set(hotKey(i), value, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	key, i := hotKey(0), 0
	for b.Loop() {
		i++
		binary.BigEndian.PutUint64(key[8:], uint64(i%hotKeys)*0x9e3779b97f4a7c15)
		_, closer, err := batch.Get(key)
		if err != nil {
			b.Fatal(err)
		}
		if err := closer.Close(); err != nil {
			b.Fatal(err)
		}
		if err := batch.Set(key, value, nil); err != nil {
			b.Fatal(err)
		}
		if batch.Len() > 1<<28 {
			b.StopTimer()
			batch.Reset()
			for i := range hotKeys {
				if err := batch.Set(hotKey(i), value, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
	}
	if err := batch.Close(); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStagedScan reads the few rows of one key, as sessions and joins do
// for each record, half of them staged, and stages one more.
func BenchmarkStagedScan(b *testing.B) {
	s := state.NewStaged(open(b, b.TempDir(), pebblestore.Options{}))
	rows := s.Rows(1)
	key := func(i, n int) []byte { return fmt.Appendf(nil, "key %06d/%02d", i%hotKeys, n) }
	for n := range 4 {
		for i := range hotKeys {
			if err := rows.Put(key(i, n), make([]byte, 120)); err != nil {
				b.Fatal(err)
			}
		}
		if n == 1 {
			if err := s.Commit(nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i += 7
		seen := 0
		for _, err := range rows.Scan(key(i, 0), key(i, 99), false) {
			if err != nil {
				b.Fatal(err)
			}
			seen++
		}
		if seen != 4 {
			b.Fatalf("%d rows", seen)
		}
		if err := rows.Put(key(i, 3), make([]byte, 120)); err != nil {
			b.Fatal(err)
		}
	}
}
