package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// link is an endless source of 256 KiB batches and a sink that commits a number
// of bytes a second and gives up when a commit takes longer than it may.
type link struct {
	bytesPerSecond int64

	open, copied, largest int64
	begun                 time.Time
	timeouts              int
}

const linkBatch = 256 << 10

func (l *link) Seek(context.Context, pipeline.Marks) error { return nil }

func (l *link) Poll(ctx context.Context, _ time.Duration) (*pipeline.Batch, error) {
	b := &pipeline.Batch{Limit: 1, Next: pipeline.Marks{"0": "1"}, Bytes: linkBatch}
	b.SetRecords([]pipeline.Record{{Record: &kgo.Record{}}})
	return b, ctx.Err()
}

func (l *link) Open(context.Context) (pipeline.Marks, error) {
	l.open = 0
	return pipeline.Marks{}, nil
}

func (l *link) Write(_ context.Context, b *pipeline.Batch) error {
	if l.open == 0 {
		l.begun = time.Now()
	}
	l.open += b.Bytes
	time.Sleep(time.Millisecond)
	return nil
}

func (l *link) Commit(ctx context.Context, _ pipeline.Marks) (*pipeline.Receipt, error) {
	select {
	case <-ctx.Done():
		l.timeouts++
		return nil, ctx.Err()
	case <-time.After(time.Duration(l.open) * time.Second / time.Duration(l.bytesPerSecond)):
	}
	l.copied, l.largest, l.open = l.copied+l.open, max(l.largest, l.open), 0
	return &pipeline.Receipt{Took: time.Since(l.begun)}, nil
}

func (l *link) Abort(context.Context) error { return nil }

// A transaction is never larger than what the link commits in its time, so a
// slow link makes progress; a fast one gets the transactions it is configured
// for.
func TestTransactionsFitTheLink(t *testing.T) {
	for _, tc := range []struct {
		name           string
		bytesPerSecond int64
		least          int64 // of what the link could have copied, in percent
		whole          bool  // reaches transactions of Config.Bytes or Config.Interval
	}{
		{name: "100 KB/s", bytesPerSecond: 100_000, least: 50},
		{name: "2 MB/s", bytesPerSecond: 2_000_000, least: 60},
		{name: "1 GB/s", bytesPerSecond: 1_000_000_000, least: 10, whole: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &link{bytesPerSecond: tc.bytesPerSecond}
				cfg := pipeline.DefaultConfig()
				cfg.EndTimeout = 8 * time.Second
				loop := &pipeline.Loop{Config: cfg, Source: l, Sink: l}
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
				defer stop()
				for ctx.Err() == nil {
					if err := loop.Run(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
				}
				if could := tc.bytesPerSecond * 600; l.copied < could*tc.least/100 {
					t.Errorf("copied %d bytes of the %d that the link could carry, after %d timeouts", l.copied, could, l.timeouts)
				}
				if l.timeouts > 4 {
					t.Errorf("%d commits timed out", l.timeouts)
				}
				if tc.whole && l.largest < cfg.Bytes {
					t.Errorf("the largest transaction had %d bytes, want %d", l.largest, cfg.Bytes)
				}
			})
		})
	}
}
