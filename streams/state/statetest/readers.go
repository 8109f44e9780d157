package statetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"mm2/streams/state"
)

// Each write gives all rows the same number: whatever a reader sees at once is
// of one number, and no older than what it saw before.
func testReaders(t *testing.T, db state.DB) {
	const rows, writes, readers = 50, 300, 3
	write := func(number int) {
		var batch []state.Change
		if number%10 == 9 {
			batch = append(batch, delRange(nil, nil))
		}
		for row := range rows {
			batch = append(batch, state.Change{
				Op: state.OpPut, Key: []byte{byte(row)}, Value: binary.BigEndian.AppendUint64(nil, uint64(number)),
			})
		}
		noError(t, db.Write(batch))
	}
	write(0)
	done := make(chan struct{})
	var wait sync.WaitGroup
	for reader := range readers {
		wait.Go(func() {
			last := uint64(0)
			for {
				n, err := readAll(db, reader%2 == 1, rows)
				if err != nil || n < last {
					t.Errorf("saw write %d after %d, %v", n, last, err)
					return
				}
				last = n
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for number := 1; number < writes; number++ {
		write(number)
		if number%100 == 0 {
			noError(t, db.Flush())
		}
	}
	close(done)
	wait.Wait()
}

// readAll is the number that all rows have.
func readAll(db state.DB, reverse bool, want int) (uint64, error) {
	var number uint64
	rows := 0
	for row, err := range db.Scan(nil, nil, reverse) {
		if err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint64(row.Value)
		if rows > 0 && n != number {
			return 0, fmt.Errorf("rows of writes %d and %d in one scan", n, number)
		}
		number = n
		rows++
	}
	if rows != want {
		return 0, fmt.Errorf("%d rows, want %d", rows, want)
	}
	if _, ok, err := db.Get([]byte{0}); !ok || err != nil {
		return 0, fmt.Errorf("get: %v, %w", ok, err)
	}
	if n := db.ApproxLen(nil, nil); n < 0 {
		return 0, fmt.Errorf("about %d rows", n)
	}
	return number, nil
}

func testClose(t *testing.T, db state.DB) {
	noError(t, db.Write([]state.Change{put("a", "1")}))
	noError(t, db.Close())
	noError(t, db.Close())
	_, _, err := db.Get([]byte("a"))
	closed(t, "Get", err)
	closed(t, "Write", db.Write([]state.Change{put("a", "2")}))
	closed(t, "Flush", db.Flush())
	for _, err = range db.Scan(nil, nil, false) {
		closed(t, "Scan", err)
	}
	if n := db.ApproxLen(nil, nil); n != 0 {
		t.Errorf("about %d rows after Close", n)
	}
}

func closed(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, state.ErrClosed) {
		t.Errorf("%s after Close: %v", what, err)
	}
}

// A scan of another goroutine ends with an error when the DB is closed, and is
// never cut short without one.
func testCloseWhileReading(t *testing.T, db state.DB) {
	const rows = 100
	var batch []state.Change
	for row := range rows {
		batch = append(batch, state.Change{Op: state.OpPut, Key: []byte{byte(row)}})
	}
	noError(t, db.Write(batch))
	var wait, started sync.WaitGroup
	for range 4 {
		started.Add(1)
		wait.Go(func() {
			for first := true; ; first = false {
				seen := 0
				var failed error
				for _, err := range db.Scan(nil, nil, false) {
					if failed = err; err == nil {
						seen++
					}
				}
				if first {
					started.Done()
				}
				if failed != nil {
					closed(t, "Scan", failed)
					return
				}
				if seen != rows {
					t.Errorf("%d rows without an error", seen)
					return
				}
			}
		})
	}
	started.Wait()
	noError(t, db.Close())
	wait.Wait()
}
