package pebblestore_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
)

// The work of an aggregate: read a row, write it anew, commit every 1000.
const (
	benchPuts   = 300_000
	benchKeys   = 100_000
	benchCommit = 1000
)

func benchKey(key []byte, r *rand.Rand) {
	n := uint64(r.IntN(benchKeys))
	binary.BigEndian.PutUint64(key, n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(key[8:], n)
}

func perPut(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPuts, "ns/put")
	b.ReportMetric(float64(b.N)*benchPuts/b.Elapsed().Seconds(), "puts/s")
}

func benchStaged(b *testing.B, db func() state.DB) {
	b.ReportAllocs()
	for b.Loop() {
		db := db()
		s := state.NewStaged(db)
		rows, r := s.Rows(1), rand.New(rand.NewPCG(1, 1))
		key, value := make([]byte, 16), make([]byte, 120)
		for i := range benchPuts {
			benchKey(key, r)
			old, ok, err := rows.Get(key)
			if err != nil {
				b.Fatal(err)
			}
			if ok {
				value[0] = old[0] + 1
			}
			if err := rows.Put(key, value); err != nil {
				b.Fatal(err)
			}
			if i%benchCommit == benchCommit-1 {
				meta := state.Meta{}
				meta.SetOffset("changelog", 0, int64(i))
				if err := s.Commit(meta); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perPut(b)
}

func BenchmarkAggregateStaged(b *testing.B) {
	for name, opts := range map[string]pebblestore.Options{
		"defaults":       {},
		"flush-by-bytes": {FlushRecords: 1 << 30},
	} {
		b.Run(name, func(b *testing.B) {
			benchStaged(b, func() state.DB {
				opts.Shared = pebblestore.NewShared(64 << 20)
				b.Cleanup(opts.Shared.Close)
				return open(b, b.TempDir(), opts)
			})
		})
	}
}

func BenchmarkAggregateStagedMemory(b *testing.B) {
	benchStaged(b, state.NewMemory)
}

// BenchmarkAggregateIndexedBatch is the same with the engine's own way to read
// what a batch has.
func BenchmarkAggregateIndexedBatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		db, err := pebble.Open(b.TempDir(), &pebble.Options{
			DisableWAL: true, CacheSize: 64 << 20, MemTableSize: pebblestore.DefaultFlushBytes, Logger: quiet{},
		})
		if err != nil {
			b.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		key, value := make([]byte, 16), make([]byte, 120)
		batch := db.NewIndexedBatch()
		for i := range benchPuts {
			benchKey(key, r)
			old, closer, err := batch.Get(key)
			if err == nil {
				value[0] = old[0] + 1
				err = closer.Close()
			}
			if err != nil && !errors.Is(err, pebble.ErrNotFound) {
				b.Fatal(err)
			}
			if err := batch.Set(key, value, nil); err != nil {
				b.Fatal(err)
			}
			if i%benchCommit == benchCommit-1 {
				if err := batch.Commit(pebble.NoSync); err != nil {
					b.Fatal(err)
				}
				if err := batch.Close(); err != nil {
					b.Fatal(err)
				}
				batch = db.NewIndexedBatch()
			}
		}
		if err := batch.Close(); err != nil {
			b.Fatal(err)
		}
		if err := db.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perPut(b)
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, _ ...any) {
	panic(f)
}
