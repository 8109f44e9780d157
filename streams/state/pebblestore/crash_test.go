package pebblestore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
	"mm2/streams/state/statetest"
)

// What a crash leaves is what some commit made, not an older one than the last
// flush, and the offset in it is the offset of its rows.
func TestCrashLeavesSomeCommit(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := &crasher{r: rand.New(rand.NewPCG(seed, 2)), fs: vfs.NewCrashableMem(), states: []statetest.Model{{}}}
			for range 6 {
				c.live(t)
			}
			if len(c.states) < 20 {
				t.Fatalf("%d commits prove little", len(c.states))
			}
		})
	}
}

// crasher is a store that lives through crashes. The offset of commit n is n.
type crasher struct {
	r       *rand.Rand
	fs      *vfs.MemFS
	states  []statetest.Model // what each commit left
	durable int               // the last commit that a flush came after
}

const fingerprint = "of the test"

// live opens the store, checks it, works with it and crashes.
func (c *crasher) live(t *testing.T) {
	t.Helper()
	db := open(t, "db", pebblestore.Options{FS: c.fs, FlushRecords: 1 + c.r.IntN(200), FlushBytes: 32 << 10})
	staged := state.NewStaged(db)
	if err := staged.Verify(fingerprint); err != nil {
		t.Fatal(err)
	}
	c.check(t, staged)
	for range c.r.IntN(80) {
		c.commit(t, staged)
		if c.r.IntN(20) == 0 {
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
			c.durable = len(c.states) - 1
		}
	}
	clean := c.r.IntN(4) == 0
	if clean {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		c.durable = len(c.states) - 1
	}
	crashed := c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.r.IntN(101), RNG: c.r})
	if !clean {
		if err := db.Close(); err != nil { // of the process that is no more
			t.Fatal(err)
		}
	}
	c.fs = crashed
}

func (c *crasher) check(t *testing.T, staged *state.Staged) {
	t.Helper()
	next, ok, err := staged.Offset("changelog", 0)
	if err != nil {
		t.Fatal(err)
	}
	if ok != (next > 0) || int(next) >= len(c.states) || int(next) < c.durable {
		t.Fatalf("the store is at commit %d %v of %d, commit %d was flushed", next, ok, len(c.states)-1, c.durable)
	}
	c.states[next].Check(t, staged.Rows(1))
	// The later commits never happened.
	c.states, c.durable = c.states[:next+1], int(next)
}

func (c *crasher) commit(t *testing.T, staged *state.Staged) {
	t.Helper()
	m, rows := maps.Clone(c.states[len(c.states)-1]), staged.Rows(1)
	for range c.r.IntN(30) {
		change := statetest.RandomChange(c.r, 200)
		if change.Op == state.OpPut && c.r.IntN(100) == 0 {
			change.Value = make([]byte, 24<<10) // a batch too large for the table in memory
		}
		m.Apply(change)
		var err error
		switch change.Op {
		case state.OpPut:
			err = rows.Put(change.Key, change.Value)
		case state.OpDelete:
			err = rows.Delete(change.Key)
		case state.OpDeleteRange:
			err = rows.DeleteRange(change.Key, change.Value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if c.r.IntN(10) == 0 {
		staged.Drop() // a transaction that was aborted leaves nothing
		return
	}
	meta := state.Meta{}
	meta.SetOffset("changelog", 0, int64(len(c.states)))
	if err := staged.Commit(meta); err != nil {
		t.Fatal(err)
	}
	c.states = append(c.states, m)
}
