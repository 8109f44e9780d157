package pebblestore_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mm2/streams/state/pebblestore"
	"mm2/streams/state/statetest"
)

// Nobody calls Flush here: after FlushRecords changes rows are on disk anyway.
func TestFlushInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		db := open(t, "db", pebblestore.Options{FS: fs, FlushRecords: 10})
		m := statetest.Model{}
		for i := range 11 {
			key := fmt.Sprint(i)
			if i == 10 {
				synctest.Wait()
				crashed := open(t, "db", pebblestore.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
				statetest.Model{}.Check(t, crashed)
			}
			write(t, db, key)
			m[key] = "of " + key
		}
		synctest.Wait()
		crashed := open(t, "db", pebblestore.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
		m.Check(t, crashed)
	})
}
