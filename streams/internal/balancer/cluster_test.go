package balancer_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/assign"
)

func TestGroupOnCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.start("a", 1)
		f.settle(a)
		b := f.start("b", 2)
		c := f.start("c", 3)
		f.settle(a, b, c)
		for _, w := range []*worker{a, b, c} {
			if n := len(w.node.last.Active); n < 4 || n > 5 {
				t.Errorf("%s has %d of 13 tasks", w.name, n)
			}
		}

		b.end() // leaves
		f.settle(a, c)
		b2 := f.start("b2", 2, func(w *worker) { w.node.disk = b.node.disk }) // comes back with its state
		f.settle(a, b2, c)
		a.crash() // most likely the leader
		f.settle(b2, c)
		a2 := f.start("a2", 1)
		f.settle(a2, b2, c)

		var records []*kgo.Record
		for topic, n := range f.counts {
			for p := range n {
				records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte(topic)})
			}
		}
		f.cluster.Produce(t, records...)
		time.Sleep(10 * time.Second)
		f.mu.Lock()
		if n := len(a2.got) + len(b2.got) + len(c.got); n != len(records) {
			t.Errorf("%d of %d records are consumed", n, len(records))
		}
		f.mu.Unlock()
	})
}

func TestRejoinWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start("a", 1), f.start("b", 2)
		f.settle(a, b)
		for _, w := range []*worker{a, b} { // one of them is not the leader
			before := [2]int{a.joined, b.joined}
			w.bal.Rejoin(w.cl)
			f.settle(a, b)
			if a.joined == before[0] || b.joined == before[1] {
				t.Errorf("%s asks in vain for a rebalance", w.name)
			}
		}
	})
}

func TestOtherTopologyOnCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start("a", 1), f.start("b", 2)
		f.settle(a, b)
		other := f.start("other", 3, func(w *worker) { w.node.topology = 9 })
		time.Sleep(30 * time.Second)
		f.mu.Lock()
		err := other.node.last.Err()
		f.mu.Unlock()
		if !errors.Is(err, assign.ErrIncompatibleTopology) || len(other.owned) != 0 {
			t.Errorf("the other member gets %v and %v", err, other.owned)
		}
		f.check(a, b)
		other.end()
		f.settle(a, b)
	})
}

func TestPlanErrorsOnCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start("a", 1), f.start("b", 2)
		f.settle(a, b)
		f.fail(&assign.Error{Code: assign.CodeMissingSourceTopic, Text: "topic orders does not exist"})
		a.bal.Rejoin(a.cl)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		for _, w := range []*worker{a, b} {
			if err := w.node.last.Err(); !errors.Is(err, assign.ErrMissingSourceTopic) || len(w.owned) == 0 {
				t.Errorf("%s gets %v and owns %v", w.name, err, w.owned)
			}
		}
		f.fail(nil)
		a.bal.Rejoin(a.cl)
		f.settle(a, b)

		// What is not a refusal ends the leader's session, and is tried again.
		f.fail(errors.New("no broker answers"))
		a.bal.Rejoin(a.cl)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		f.fail(nil)
		time.Sleep(time.Minute)
		var session *kgo.ErrGroupSession
		f.mu.Lock()
		errs := slices.Concat(a.errs, b.errs)
		a.errs, b.errs = nil, nil
		f.mu.Unlock()
		if len(errs) == 0 || !errors.As(errs[0], &session) {
			t.Errorf("polls tell %v", errs)
		}
		f.settle(a, b)
	})
}

func TestStaticMemberKeepsItsTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		static := func(id string) func(*worker) { return func(w *worker) { w.node.instance = &id } }
		a, b := f.start("a", 1, static("i-1")), f.start("b", 2, static("i-2"))
		f.settle(a, b)
		for _, w := range []*worker{a, b} { // the leader and the other one
			before, revoked := *w.node, a.revoked+b.revoked-w.revoked
			w.end()
			f.mu.Lock()
			w.drop(w.owned)
			f.mu.Unlock()
			again := f.start(w.name, w.process, static(*before.instance), func(n *worker) { n.node.disk, n.node.last = before.disk, before.last })
			other := a
			if w == a {
				other, a = b, again
			} else {
				b = again
			}
			f.settle(a, b)
			if !slices.Equal(again.node.last.Active, before.last.Active) || !slices.Equal(again.node.last.Standby, before.last.Standby) {
				t.Errorf("%s had %v, has %v", w.name, before.last.Active, again.node.last.Active)
			}
			// Kafka leaves the other one alone; kfake lets it join again as soon as
			// the restarted one says anything else than before.
			if other.revoked != revoked {
				t.Errorf("a restart of %s takes partitions from %s", w.name, other.name)
			}
		}
	})
}
