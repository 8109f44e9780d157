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

// one is a source with a single record and a sink that notes with which
// contexts its transaction ended.
type one struct {
	polled bool
	stop   context.CancelFunc // called once the record is written
	fails  bool
	ended  []string
}

func (o *one) Seek(context.Context, pipeline.Marks) error { return nil }

func (o *one) Poll(context.Context, time.Duration) (*pipeline.Batch, error) {
	if o.polled {
		return nil, nil
	}
	o.polled = true
	b := &pipeline.Batch{Limit: 1, Next: pipeline.Marks{"0": "1"}}
	b.SetRecords([]pipeline.Record{{Record: &kgo.Record{}}})
	return b, nil
}

func (o *one) Open(context.Context) (pipeline.Marks, error) { return pipeline.Marks{}, nil }

func (o *one) Write(context.Context, *pipeline.Batch) error {
	o.stop()
	return nil
}

func (o *one) Commit(ctx context.Context, _ pipeline.Marks) (*pipeline.Receipt, error) {
	if o.note(ctx, "commit"); o.fails {
		return nil, errors.New("broker away")
	}
	return &pipeline.Receipt{}, nil
}

func (o *one) Abort(ctx context.Context) error {
	o.note(ctx, "abort")
	return nil
}

func (o *one) note(ctx context.Context, what string) {
	end, ok := ctx.Deadline()
	if ctx.Err() != nil || !ok {
		what += " cut off"
	} else {
		what += " within " + time.Until(end).String()
	}
	o.ended = append(o.ended, what)
}

// A lane that is told to stop ends its transaction all the same: cut off, it
// would leave an outcome that nobody knows until the next owner comes.
func TestTransactionsEndOnTheirOwnDeadline(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fails bool
		want  []string
	}{
		{name: "commit", want: []string{"commit within 8s"}},
		{name: "abort after a failed commit", fails: true, want: []string{"commit within 8s", "abort within 8s"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				o := &one{stop: stop, fails: tc.fails}
				cfg := pipeline.DefaultConfig()
				cfg.EndTimeout = 8 * time.Second
				err := (&pipeline.Loop{Config: cfg, Source: o, Sink: o}).Run(ctx)
				if (err != nil) != tc.fails {
					t.Errorf("run: %v", err)
				}
				if len(o.ended) != len(tc.want) {
					t.Fatalf("ended %q, want %q", o.ended, tc.want)
				}
				for i := range tc.want {
					if o.ended[i] != tc.want[i] {
						t.Errorf("ended %q, want %q", o.ended, tc.want)
					}
				}
			})
		})
	}
}
