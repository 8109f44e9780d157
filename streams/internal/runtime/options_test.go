package runtime_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams"
	"mm2/streams/state"
)

// Options of the user's own win over settings and their defaults.
func TestOwnClientOptionsWin(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		var session, rebalance, txn atomic.Int32
		r.cluster.ControlKey(kmsg.JoinGroup.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.cluster.KeepControl()
			join := req.(*kmsg.JoinGroupRequest)
			session.Store(join.SessionTimeoutMillis)
			rebalance.Store(join.RebalanceTimeoutMillis)
			return nil, nil, false
		})
		r.cluster.ControlKey(kmsg.InitProducerID.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.cluster.KeepControl()
			if init := req.(*kmsg.InitProducerIDRequest); init.TransactionalID != nil { // not the test's own
				txn.Store(init.TransactionTimeoutMillis)
			}
			return nil, nil, false
		})
		a := r.start("a", counting(t, true, nil, state.InMemory()), func(c *streams.Config) {
			c.Guarantee = streams.ExactlyOnce
			c.Consumer = append(c.Consumer, kgo.SessionTimeout(7*time.Second), kgo.RebalanceTimeout(11*time.Second))
			c.Producer = append(c.Producer, kgo.TransactionTimeout(13*time.Second))
		})
		r.running(a)
		r.produce("in", 1, 0, 10)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 10 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		if session.Load() != 7_000 || rebalance.Load() != 11_000 {
			t.Errorf("joined with a session timeout of %d ms and a rebalance timeout of %d ms, want 7000 and 11000", session.Load(), rebalance.Load())
		}
		if txn.Load() != 13_000 {
			t.Errorf("the transaction timeout is %d ms, want 13000", txn.Load())
		}
	})
}
