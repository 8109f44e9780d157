package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// SyncFollower translates by the offset syncs topic of a flow, which it reads
// from the start and then follows. It is the [SyncStore] of what Java
// MirrorMaker 2 wrote before mm2, and of what mm2 writes for Java; unlike Java
// it forgets syncs of a target topic that was deleted and made again.
//
// Its methods are safe for concurrent use.
type SyncFollower struct {
	dialer *kafka.Dialer
	role   string
	topic  string
	log    *slog.Logger

	mu    sync.Mutex // guards what follows
	store *SyncStore // the last that was loaded; nil before
}

// NewSyncFollower returns a follower that knows nothing until Run. The dialer
// is of the cluster that the topic lives on; see [OffsetSyncsTopic]. The
// client's role is role.
func NewSyncFollower(d *kafka.Dialer, role, topic string, log *slog.Logger) *SyncFollower {
	return &SyncFollower{dialer: d, role: role, topic: topic, log: log.With("topic", topic)}
}

// lookAgain is how often a topic is looked for that does not exist. It appears
// with the first sync that is written.
const lookAgain = 10 * time.Second

// Run follows the topic until ctx ends; then it returns nil. Any error ends it;
// what was read stays, and calling it again reads the topic anew. A topic that
// does not exist is an empty one.
func (f *SyncFollower) Run(ctx context.Context) error {
	for {
		err := f.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("follow offset syncs: %w", kafka.Explain(err))
		}
		f.loaded(NewSyncStore(SyncStoreConfig{ForgetRewound: true}))
		backoff.Sleep(ctx, lookAgain)
	}
}

func (f *SyncFollower) follow(ctx context.Context) error {
	store := NewSyncStore(SyncStoreConfig{ForgetRewound: true})
	malformed := 0
	return kafka.Follow(ctx, f.dialer, f.role, pipeline.Partition{Topic: f.topic}, func() {
		if malformed > 0 {
			f.log.Warn("offset syncs topic has records that are none", "records", malformed)
		}
		f.loaded(store)
	}, func(r *kgo.Record) {
		s, err := DecodeOffsetSync(r.Key, r.Value)
		if err != nil {
			malformed++
			return
		}
		f.mu.Lock()
		store.Add(s)
		f.mu.Unlock()
	})
}

func (f *SyncFollower) loaded(s *SyncStore) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Loaded()
	f.store = s
}

// Ready reports whether the topic was read to its end once.
func (f *SyncFollower) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.store != nil
}

// Translate is [SyncStore.Translate] of what was read. It reports false while
// the follower is not ready.
func (f *SyncFollower) Translate(p pipeline.Partition, upstream int64) (downstream int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		return 0, false
	}
	return f.store.Translate(p, upstream)
}
