package runtime

import (
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
)

// watch looks whether the topics of sources have other partitions than before, as
// often as clients refresh their metadata. If so, tasks look for their inputs
// again, and the group for its tasks.
func (a *App) watch(ctx context.Context) {
	every, ok := a.adminClient.OptValue(kgo.MetadataMaxAge).(time.Duration)
	if !ok || every <= 0 {
		every = 5 * time.Minute
	}
	var known map[string]int32
	for backoff.Sleep(ctx, every) {
		look, cancel := context.WithTimeout(ctx, every)
		counts, err := a.userTopics(look)
		cancel()
		if err != nil {
			a.log.Warn("the topics of sources could not be looked up; it is tried again", "err", kafka.Explain(err))
			continue
		}
		if known == nil {
			known = a.first
		}
		if !maps.Equal(known, counts) {
			a.log.Info("topics of sources have other partitions than before; the tasks are shared out again")
			a.mu.Lock()
			for _, t := range a.threads {
				t.grown.Store(true)
			}
			a.mu.Unlock()
		}
		known = counts
	}
}

// grow looks for inputs that were not there before.
func (t *thread) grow() {
	if !t.grown.Swap(false) {
		return
	}
	for _, o := range t.sorted() {
		if o.found && !o.looking {
			t.find(o, t.committedText(o))
		}
	}
	t.bal.Rejoin(t.consumer)
}
