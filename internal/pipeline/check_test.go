package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// busy is a source that always has another record, and a sink that counts how
// often it is checked and whether that was inside a transaction.
type busy struct {
	every           time.Duration
	open            bool
	checks, between int
	commits         int
}

func (b *busy) Seek(context.Context, pipeline.Marks) error   { return nil }
func (b *busy) Open(context.Context) (pipeline.Marks, error) { return pipeline.Marks{}, nil }
func (b *busy) Abort(context.Context) error                  { return nil }
func (b *busy) Write(context.Context, *pipeline.Batch) error { b.open = true; return nil }

func (b *busy) Poll(ctx context.Context, wait time.Duration) (*pipeline.Batch, error) {
	if wait == 0 && b.every > 0 {
		return nil, nil // dry between records
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(max(b.every, time.Millisecond)):
	}
	batch := &pipeline.Batch{Limit: 1, Next: pipeline.Marks{"0": "1"}}
	batch.SetRecords([]pipeline.Record{{Record: &kgo.Record{}}})
	return batch, nil
}

func (b *busy) Commit(context.Context, pipeline.Marks) (*pipeline.Receipt, error) {
	b.open = false
	b.commits++
	return &pipeline.Receipt{}, nil
}

func (b *busy) Check(context.Context) error {
	b.checks++
	if b.open {
		b.between++
	}
	return nil
}

func TestABusySinkIsCheckedBetweenTransactions(t *testing.T) {
	for name, every := range map[string]time.Duration{"a record now and then": 300 * time.Millisecond, "never dry": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &busy{every: every}
				loop := &pipeline.Loop{Config: pipeline.DefaultConfig(), Source: b, Sink: b}
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
				defer stop()
				if err := loop.Run(ctx); err != nil {
					t.Error(err)
				}
				if b.checks < 50 || b.checks > 60 || b.between > 0 || b.commits < 1000 {
					t.Errorf("%d checks, %d of them inside a transaction, %d commits; want one check every 10 s, outside", b.checks, b.between, b.commits)
				}
			})
		})
	}
}
