package checkpoint_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/pipeline"
)

// Whoever owned a lane before writes no more, and whoever owns it next starts
// ahead of it.
func TestSyncWriterHandsLanesOver(t *testing.T) {
	all := func(pipeline.Partition) bool { return true }
	withSyncs(t, "planned", func(t *testing.T, r *syncRig) {
		first, second := r.start(100), r.start(100)
		first.commit(segment(0, 0, 10))
		r.pass(time.Second)
		first.commit(segment(10, 10, 5))
		first.commit(segment(15, 15, 5))
		first.Release(t.Context(), all)
		r.expect(pair{0, 0}, pair{9, 9}, pair{19, 19}) // written when Release returns
		second.commit(segment(20, 20, 10))
		r.pass(time.Second)
		second.Release(t.Context(), all)
		first.commit(segment(30, 30, 10)) // and back
		r.pass(time.Second)
		first.stop()
		second.stop()
		r.expect(pair{0, 0}, pair{9, 9}, pair{19, 19}, pair{20, 20}, pair{29, 29}, pair{30, 30}, pair{39, 39})
	})
	withSyncs(t, "lost", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		other := segment(0, 0, 1)
		other.Source.Partition, other.Target.Partition = 1, 1
		w.commit(segment(0, 0, 10), other)
		lost, cancel := context.WithCancel(t.Context())
		cancel()
		w.Release(lost, func(p pipeline.Partition) bool { return p.Partition == 0 })
		r.pass(time.Second)
		w.stop()
		if got := r.syncs(); len(got) != 1 || got[0].Partition != 1 {
			t.Errorf("syncs %v, want only those of the other lane", got)
		}
	})
	withSyncs(t, "planned while the topic cannot be written", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: syncsTopic, Err: kerr.TopicAuthorizationFailed, Count: 1000})
		w.commit(segment(0, 0, 10))
		r.pass(time.Second)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.Release(ctx, all)
		if took := time.Since(began); took > time.Second {
			t.Errorf("Release took %v", took)
		}
		if n := w.Tracked(); n != 0 || r.logged("not written before their lane was given up") != 1 {
			t.Errorf("%d partitions are still known; log: %s", n, &r.log)
		}
		w.stop()
	})
	withSyncs(t, "worker suspended", func(t *testing.T, r *syncRig) {
		w := r.writer(100)
		w.Committed(&pipeline.Receipt{Segments: []pipeline.Segment{segment(0, 0, 10)}, At: time.Now()})
		r.pass(10 * time.Second)
		if n := w.Take(time.Now()); n != 0 {
			t.Errorf("%d syncs of before are written", n)
		}
		w.Committed(&pipeline.Receipt{Segments: []pipeline.Segment{segment(10, 10, 10)}, At: time.Now()})
		if n := w.Take(time.Now()); n == 0 {
			t.Error("nothing is written afterwards")
		}
	})
}

func TestSyncWriterStopsAtOnce(t *testing.T) {
	withSyncs(t, "", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(0, 0, 1))
		r.pass(time.Second)
		r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: syncsTopic, Err: kerr.NotEnoughReplicas, Count: -1})
		w.commit(segment(1, 1, 1000))
		r.pass(time.Second)
		asked := time.Now()
		w.stop()
		if waited := time.Since(asked); waited > 2*time.Second {
			t.Errorf("stopped after %v", waited)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Run(ctx); err != nil {
			t.Errorf("Run after the end: %v", err)
		}
	})
}

// Lanes move between two workers while the topic fails now and then. Whatever
// happens, readers see no rewind, are never sent past a record's copy, and end
// up exactly at the end.
func TestSyncsUnderAnySchedule(t *testing.T) {
	for seed := range uint64(30) {
		withSyncs(t, "", func(t *testing.T, r *syncRig) {
			random := rand.New(rand.NewPCG(seed, 5))
			workers := []worker{r.start(10), r.start(10)}
			defer workers[0].stop()
			defer workers[1].stop()
			copies := map[int64]int64{}
			var up, down int64
			owner := 0
			for range 60 {
				var segments []pipeline.Segment
				for range random.IntN(4) {
					n := 1 + random.Int64N(30)
					segments = append(segments, segment(up, down, n))
					for i := range n {
						copies[up+i] = down + i
					}
					up += n + random.Int64N(2)
					down += n + random.Int64N(2)
				}
				workers[owner].commit(segments...)
				r.pass(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
				switch random.IntN(10) {
				case 0:
					workers[owner].Release(t.Context(), func(pipeline.Partition) bool { return true })
					owner = 1 - owner
				case 1:
					r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: syncsTopic, Err: kerr.TopicAuthorizationFailed, Count: 1})
				}
			}
			workers[owner].commit(segment(up, down, 3))
			for i := range int64(3) {
				copies[up+i] = down + i
			}
			r.pass(time.Minute)

			store := checkpoint.NewSyncStore(checkpoint.SyncStoreConfig{})
			store.Loaded()
			last := int64(-1)
			for _, s := range r.syncs() {
				if s.Upstream < last {
					t.Fatalf("seed %d: sync of %d after %d", seed, s.Upstream, last)
				}
				if at, ok := copies[s.Upstream]; !ok || at != s.Downstream {
					t.Fatalf("seed %d: %v, but the copy is at %d", seed, s, at)
				}
				last = s.Upstream
				store.Add(s)
			}
			for offset, at := range copies {
				if got, _ := store.Translate(pipeline.Partition{Topic: "t"}, offset); got > at {
					t.Fatalf("seed %d: %d -> %d, past its copy at %d", seed, offset, got, at)
				}
			}
			if got, _ := store.Translate(pipeline.Partition{Topic: "t"}, up+3); got != down+3 {
				t.Errorf("seed %d: the end is at %d, want %d", seed, got, down+3)
			}
		})
	}
}
