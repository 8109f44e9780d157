package lane_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mm2/internal/lane"
)

// Work may need seconds to end its transaction. Nobody else begins with the lane
// before it has.
func TestALaneIsGivenUpOnlyAfterItsWorkEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newBench(t)
		var mu sync.Mutex
		busy, ended := map[lane.ID]string{}, 0
		slow := func(worker string) func(*member) lane.Work {
			return func(*member) lane.Work {
				return func(ctx context.Context, l *lane.Lease) error {
					mu.Lock()
					if other := busy[l.ID]; other != "" {
						t.Errorf("%s begins with lane %d while %s has not ended", worker, l.ID, other)
					}
					busy[l.ID] = worker
					mu.Unlock()
					if err := l.Claimed(""); err != nil {
						return err
					}
					<-ctx.Done()
					time.Sleep(3 * time.Second)
					mu.Lock()
					defer mu.Unlock()
					delete(busy, l.ID)
					ended++
					return nil
				}
			}
		}
		one := x.member(t, "one", "mm2-A->B", slow("one"))
		time.Sleep(10 * time.Second)
		two := x.member(t, "two", "mm2-A->B", slow("two"))
		time.Sleep(30 * time.Second)
		one.stop()
		time.Sleep(30 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if ended < 3 || owned(two) != 3 {
			t.Errorf("%d works ended, the other has %d lanes; want all 3 handed over", ended, owned(two))
		}
	})
}
