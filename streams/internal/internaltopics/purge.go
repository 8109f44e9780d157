package internaltopics

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Purger deletes records of repartition topics that no one needs any more:
// those topics have no retention, so they would grow for ever. It is safe for
// concurrent use.
type Purger struct {
	admin  *kadm.Client
	logger *slog.Logger

	mu sync.Mutex // held while a request is under way
}

// NewPurger uses admin, which stays the caller's. A nil logger is silent.
func NewPurger(admin *kadm.Client, logger *slog.Logger) *Purger {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Purger{admin: admin, logger: logger}
}

// Purge deletes the records of repartition partitions below their committed
// offsets, by topic and partition, and waits for the answer. There is one
// request at a time: while another is under way the call does nothing. A
// failure is only logged, since the next purge makes up for it. It reports
// whether everything was deleted.
func (p *Purger) Purge(ctx context.Context, committed map[string]map[int32]int64) bool {
	offsets := make(kadm.Offsets)
	for topic, partitions := range committed {
		for partition, at := range partitions {
			if at > 0 {
				offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1})
			}
		}
	}
	if len(offsets) == 0 {
		return true
	}
	if !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	answers, err := p.admin.DeleteRecords(ctx, offsets)
	done := err == nil
	if err != nil {
		p.logger.Warn("could not purge repartition topics; the next purge tries again",
			"topics", slices.Sorted(maps.Keys(offsets)), "error", err)
	}
	answers.Each(func(r kadm.DeleteRecordsResponse) {
		if r.Err != nil {
			done = false
			p.logger.Warn("could not purge a repartition partition; the next purge tries again",
				"topic", r.Topic, "partition", r.Partition, "offset", offsets[r.Topic][r.Partition].At, "error", r.Err)
		}
	})
	return done
}
