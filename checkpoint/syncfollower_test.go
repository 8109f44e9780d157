package checkpoint_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/pipeline"
)

// follow runs a follower of the syncs topic until stop is called.
func (r *syncRig) follow() (f *checkpoint.SyncFollower, stop func() error) {
	f = checkpoint.NewSyncFollower(r.dialer, "offset-syncs-reader", syncsTopic, slog.New(slog.NewTextHandler(r, nil)))
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return f, func() error {
		cancel()
		return <-done
	}
}

func (r *syncRig) expectAt(f *checkpoint.SyncFollower, up, down int64) {
	r.t.Helper()
	if got, ok := f.Translate(pipeline.Partition{Topic: "t"}, up); !ok || got != down {
		r.t.Errorf("%d -> %d (%t), want %d", up, got, ok, down)
	}
}

func TestSyncFollower(t *testing.T) {
	withSyncs(t, "what was there and what comes", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		defer w.stop()
		w.commit(segment(100, 200, 10))
		r.pass(time.Second)
		r.Produce(t, &kgo.Record{Topic: syncsTopic, Key: []byte("tombstone")})
		f, stop := r.follow()
		if _, ok := f.Translate(pipeline.Partition{Topic: "t"}, 100); ok || f.Ready() {
			t.Error("it translates before it has read anything")
		}
		r.pass(time.Second)
		r.expectAt(f, 99, checkpoint.TooOld)
		r.expectAt(f, 109, 209)
		r.expectAt(f, 110, 210)
		w.commit(segment(110, 210, 50))
		r.pass(time.Second)
		r.expectAt(f, 160, 260)
		w.commit(segment(160, 0, 50)) // the target topic was made again
		r.pass(time.Second)
		r.expectAt(f, 159, checkpoint.TooOld)
		r.expectAt(f, 210, 50)
		if err := stop(); err != nil || r.logged("records that are none") != 1 {
			t.Errorf("Run: %v; log: %s", err, &r.log)
		}
	})
	withSyncs(t, "a topic that is made later", func(t *testing.T, r *syncRig) {
		f, stop := r.follow()
		r.pass(time.Second)
		if _, ok := f.Translate(pipeline.Partition{Topic: "t"}, 100); ok || !f.Ready() {
			t.Errorf("translates %t, ready %t", ok, f.Ready())
		}
		w := r.start(100)
		defer w.stop()
		w.commit(segment(0, 0, 10))
		r.pass(30 * time.Second)
		r.expectAt(f, 10, 10)
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	withSyncs(t, "an error keeps what was read", func(t *testing.T, r *syncRig) {
		w := r.start(100)
		defer w.stop()
		w.commit(segment(0, 0, 10))
		r.pass(time.Second)
		f, stop := r.follow()
		r.pass(time.Second)
		r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: syncsTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		r.pass(10 * time.Second)
		if err := stop(); err == nil {
			t.Error("Run went on without the right to read")
		}
		r.expectAt(f, 10, 10)
	})
}
