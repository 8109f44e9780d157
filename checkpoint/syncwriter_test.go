package checkpoint_test

import (
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// TestOffsetSyncWriterTest is Java's OffsetSyncWriterTest.
func TestOffsetSyncWriterTest(t *testing.T) {
	withSyncs(t, "testMaybeQueueOffsetSyncs", func(t *testing.T, r *syncRig) {
		w := r.start(5)
		w.commit(segment(0, 0, 4)) // the first is due, the last is not
		r.pass(50 * time.Millisecond)
		r.expect(pair{0, 0}, pair{3, 3})
		w.commit(segment(4, 4, 4)) // 6 are behind the promise, 7 waits
		r.pass(50 * time.Millisecond)
		r.expect(pair{0, 0}, pair{3, 3}, pair{6, 6})
		w.stop()
		r.expect(pair{0, 0}, pair{3, 3}, pair{6, 6}, pair{7, 7})
	})
	// Java has at most ten in flight and drops what fails. Here one round is in
	// flight, of any size.
	withSyncs(t, "testFirePendingOffsetSyncs", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		stalled := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: syncsTopic, Err: kerr.NotEnoughReplicas, Count: -1})
		var all []pipeline.Segment
		for p := range int32(1000) {
			s := segment(0, 0, 1)
			s.Source.Partition, s.Target.Partition = p, p
			all = append(all, s)
		}
		w.commit(all...)
		r.pass(time.Second)
		w.commit(segment(1, 1, 5000))
		r.pass(time.Second)
		stalled.Remove()
		r.pass(10 * time.Second)
		w.stop()
		written := map[pipeline.Partition]bool{}
		for _, s := range r.syncs() {
			written[s.Source()] = true
		}
		if got := r.pairs(); len(written) != 1000 || got[len(got)-1] != (pair{5000, 5000}) {
			t.Errorf("%d partitions have syncs, t-0 %v", len(written), got)
		}
	})
	withSyncs(t, "testPromoteDelayedOffsetSyncs", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(0, 0, 1))
		r.pass(50 * time.Millisecond)
		for i := range int64(3) { // each replaces the one before
			w.commit(segment(1+i, 1+i, 1))
		}
		r.pass(time.Second)
		w.stop()
		r.expect(pair{0, 0}, pair{3, 3})
	})
}

// TestMirrorSourceTaskSyncs are the cases of Java's MirrorSourceTaskTest about
// what makes a sync.
func TestMirrorSourceTaskSyncs(t *testing.T) {
	withSyncs(t, "testSendSyncEvent", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		other := segment(7, 9, 1)
		other.Source.Partition, other.Target.Partition = 3, 3
		w.commit(segment(0, 10, 1), other)
		r.pass(50 * time.Millisecond)
		w.stop()
		want := []checkpoint.OffsetSync{{Topic: "t", Downstream: 10}, {Topic: "t", Partition: 3, Upstream: 7, Downstream: 9}}
		if got := r.syncs(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	withSyncs(t, "testCommitRecordWithNullMetadata", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit() // everything was filtered
		dead := segment(0, 0, 1)
		dead.Target.Topic = "mm2-dead-letter.A.internal"
		elsewhere := segment(1, 0, 1)
		elsewhere.Target.Partition = 5
		w.commit(dead, elsewhere)
		r.pass(time.Second)
		w.stop()
		if info := r.TopicInfo(syncsTopic); info != nil && len(r.syncs()) != 0 {
			t.Errorf("syncs of records that are not in the copy: %v", r.syncs())
		}
	})
}

func TestSyncWriterSpacesLikeJava(t *testing.T) {
	withSyncs(t, "lag of 100", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(0, 0, 1000))
		r.pass(50 * time.Millisecond)
		w.stop()
		r.expect(append(even(0, 909, 101), pair{999, 999})...)
		if info := r.TopicInfo(syncsTopic); *info.Configs["cleanup.policy"] != "compact" || r.PartitionInfo(syncsTopic, 1) != nil {
			t.Errorf("topic was created as %+v", info)
		}
		err := kafka.ReadAll(t.Context(), r.dialer, "test", pipeline.Partition{Topic: syncsTopic}, func(rec *kgo.Record) error {
			if rec.Offset == 1 && (hex.EncodeToString(rec.Key) != "00017400000000" || len(rec.Headers) != 0 || time.Since(rec.Timestamp) > time.Second) {
				t.Errorf("record %+v", rec)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if written, errors := r.counts(); written != 11 || errors != 0 {
			t.Errorf("counted %v written, %v errors", written, errors)
		}
		if r.logged("\n") != 0 {
			t.Errorf("healthy writer logged: %s", &r.log)
		}
	})
	withSyncs(t, "no lag", func(t *testing.T, r *syncRig) {
		w := r.start(0)
		w.commit(segment(0, 0, 5))
		r.pass(50 * time.Millisecond)
		w.commit(segment(5, 5, 1_000_000_000)) // many more than are worth writing
		r.pass(50 * time.Millisecond)
		w.stop()
		got := r.pairs()
		if !slices.Equal(got[:5], even(0, 4, 1)) || len(got) > 50 || got[len(got)-1] != (pair{1_000_000_004, 1_000_000_004}) {
			t.Errorf("syncs %v", got)
		}
	})
}

func TestSyncWriterReachesTheEndOfAQuietPartitionAtOnce(t *testing.T) {
	withSyncs(t, "", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		for i := range int64(5) {
			w.commit(segment(10*i, 11*i, 10))
			r.pass(50 * time.Millisecond)
			got := r.pairs()
			if last := got[len(got)-1]; last != (pair{10*i + 9, 11*i + 9}) {
				t.Errorf("after commit %d the last sync is %v", i, last)
			}
			r.pass(time.Second)
		}
		w.stop()
	})
}

// A busy partition gets the syncs that the lag asks for, and its last record
// twice a second; so does one whose source is transactional and has a gap after
// each transaction.
func TestSyncWriterLimitsWhatTheLagDoesNotAskFor(t *testing.T) {
	for name, gap := range map[string]int64{"busy": 0, "transactional": 1} {
		withSyncs(t, name, func(t *testing.T, r *syncRig) {
			w := r.start(100)
			const commits = 500
			var last pair
			for i := range int64(commits) {
				w.commit(segment(i*(3+gap), i*4, 3))
				last = pair{i*(3+gap) + 2, i*4 + 2}
				r.pass(20 * time.Millisecond)
			}
			r.pass(time.Second)
			w.stop()
			got := r.pairs()
			const seconds, records = commits / 50, commits * 4 // downstream offsets, with our own markers
			if most := 1 + 4*seconds + records/100; len(got) > most {
				t.Errorf("%d syncs, want at most %d", len(got), most)
			}
			for i := 1; i < len(got); i++ {
				if lag := got[i].down - got[i-1].down; lag > 100+4 {
					t.Errorf("sync %v comes %d records after %v", got[i], lag, got[i-1])
				}
			}
			if got[len(got)-1] != last {
				t.Errorf("the last sync is %v, want %v", got[len(got)-1], last)
			}
		})
	}
}

func TestSyncWriterTriesAgain(t *testing.T) {
	withSyncs(t, "refused", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(0, 0, 10))
		r.pass(time.Second)
		denied := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: syncsTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		for i := int64(1); i < 1000; i++ {
			w.commit(segment(10*i, 10*i, 10))
			r.pass(100 * time.Millisecond)
		}
		if _, errors := r.counts(); errors < 3 || errors > 20 {
			t.Errorf("%v errors", errors)
		}
		denied.Remove()
		r.pass(35 * time.Second) // the longest pause
		w.stop()
		got := r.pairs()
		if !slices.IsSortedFunc(got, func(a, b pair) int { return int(a.up - b.up) }) || got[len(got)-1] != (pair{9999, 9999}) || len(got) > 60 {
			t.Errorf("syncs %v", got)
		}
		if r.logged("cannot write offset syncs") != 1 || r.logged("offset syncs resumed") != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
	withSyncs(t, "topic deleted", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(0, 0, 10))
		r.pass(time.Second)
		if err := r.DeleteTopic(syncsTopic); err != nil {
			t.Fatal(err)
		}
		for i := int64(1); i < 60; i++ {
			w.commit(segment(10*i, 10*i, 10))
			r.pass(time.Second)
		}
		r.pass(30 * time.Second)
		w.stop()
		if got := r.pairs(); len(got) == 0 || got[len(got)-1] != (pair{599, 599}) {
			t.Errorf("syncs %v", got)
		}
	})
	withSyncs(t, "no right to create the topic", func(t *testing.T, r *syncRig) {
		r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: syncsTopic, Err: kerr.TopicAuthorizationFailed, Count: 3})
		w := r.start(100)
		w.commit(segment(0, 0, 10))
		r.pass(10 * time.Second)
		w.stop()
		r.expect(pair{0, 0}, pair{9, 9})
		if r.logged("grant CREATE on Topic "+syncsTopic) != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
}

func TestSyncWriterWarnsOfTheTopic(t *testing.T) {
	tests := []struct {
		name, policy string
		partitions   int32
		text         string
	}{
		{"not compacted", "delete", 1, "offset syncs topic is not compacted"},
		{"partitions", "compact", 3, "more than one partition"},
	}
	for _, tt := range tests {
		withSyncs(t, tt.name, func(t *testing.T, r *syncRig) {
			if err := r.CreateTopic(syncsTopic, tt.partitions, map[string]string{"cleanup.policy": tt.policy}); err != nil {
				t.Fatal(err)
			}
			w := r.start(100)
			for i := range int64(3) {
				w.commit(segment(i, i, 1))
				r.pass(time.Second)
			}
			w.stop()
			r.expect(even(0, 2, 1)...)
			if r.logged(tt.text) != 1 || r.logged("\n") != 1 {
				t.Errorf("want one warning: %s", &r.log)
			}
		})
	}
}

// A source that is really copied again gives syncs from there.
func TestSyncWriterFollowsARewind(t *testing.T) {
	withSyncs(t, "", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		w.commit(segment(100, 100, 10))
		r.pass(time.Second)
		w.commit(segment(110, 110, 150), segment(0, 300, 10))
		r.pass(time.Second)
		w.stop()
		r.expect(pair{100, 100}, pair{109, 109}, pair{0, 300}, pair{9, 309})
	})
}

func TestNewSyncWriterRefuses(t *testing.T) {
	deps := checkpoint.SyncWriterDeps{Client: new(kgo.Client), Metrics: checkpoint.NewSyncMetrics(nil), Logger: slog.New(slog.DiscardHandler)}
	tests := []struct {
		name string
		edit func(*checkpoint.SyncWriterConfig, *checkpoint.SyncWriterDeps)
		text string
	}{
		{"no source", func(c *checkpoint.SyncWriterConfig, _ *checkpoint.SyncWriterDeps) { c.Flow.ID.Source = "" }, `flow "->B"`},
		{"no policy", func(c *checkpoint.SyncWriterConfig, _ *checkpoint.SyncWriterDeps) { c.Flow.Policy = nil }, "no policy"},
		{"negative lag", func(c *checkpoint.SyncWriterConfig, _ *checkpoint.SyncWriterDeps) { c.LagMax = -1 }, "lag of -1"},
		{"no client", func(_ *checkpoint.SyncWriterConfig, d *checkpoint.SyncWriterDeps) { d.Client = nil }, "client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, d := checkpoint.SyncWriterConfig{Flow: syncFlow(), LagMax: 100}, deps
			tt.edit(&c, &d)
			if _, err := checkpoint.NewSyncWriter(c, d); err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %q", err, tt.text)
			}
		})
	}
}

func TestSyncMetricsAreForgotten(t *testing.T) {
	withSyncs(t, "", func(t *testing.T, r *syncRig) {
		r.writer(1)
		if n, err := testutil.GatherAndCount(r.reg); n != 2 || err != nil {
			t.Errorf("%d series before the first sync (%v), want 2 at zero", n, err)
		}
		r.metrics.Forget(syncFlow().ID)
		if n, err := testutil.GatherAndCount(r.reg); n != 0 || err != nil {
			t.Errorf("%d series are left (%v)", n, err)
		}
	})
}
