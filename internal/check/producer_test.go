package check_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/check"
)

// broker is a fake cluster in the virtual time of a synctest bubble.
type broker struct {
	*kfake.Cluster
	net *kfake.VirtualNetwork
}

func newBroker(t *testing.T) broker {
	t.Helper()
	var net kfake.VirtualNetwork
	cluster := kfake.MustCluster(kfake.NumBrokers(1), kfake.ListenFn(net.Listen), kfake.SeedTopics(3, "t"))
	t.Cleanup(cluster.Close)
	return broker{Cluster: cluster, net: &net}
}

func (b broker) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.net.DialContext))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// read shows what the broker has to a view of log and returns the report.
func (b broker) read(ctx context.Context, t *testing.T, log *check.Log) check.Report {
	t.Helper()
	view := log.View(nil)
	reader := check.NewReader(b.client(t, check.ReaderOpts("t")...), view.Saw, "t")
	if err := reader.ToEnd(ctx); err != nil {
		t.Fatal(err)
	}
	return view.Report()
}

func TestProducerAndReader(t *testing.T) {
	tests := []struct {
		name     string
		workload check.Workload
		opts     []kgo.Opt
		want     check.Counts
	}{
		{name: "plain", workload: check.Workload{Limit: 500}, want: check.Counts{Acked: 500}},
		{
			name: "transactions", opts: []kgo.Opt{kgo.TransactionalID("x")},
			workload: check.Workload{Limit: 100, Transaction: 10, AbortEvery: 3},
			want:     check.Counts{Acked: 70, Aborted: 30},
		},
		{
			name: "ends with an abort", opts: []kgo.Opt{kgo.TransactionalID("x")},
			workload: check.Workload{Limit: 20, Transaction: 10, AbortEvery: 2},
			want:     check.Counts{Acked: 10, Aborted: 10},
		},
		{
			name: "id in the value",
			workload: check.Workload{Limit: 10, Fill: func(_ int, id check.ID, r *kgo.Record) {
				r.Value = []byte("#" + id.String() + "#")
			}},
			want: check.Counts{Acked: 10},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				b := newBroker(t)
				log := check.NewLog(nil)
				tt.workload.Topic = "t"
				p := check.NewProducer(b.client(t, tt.opts...), log, tt.workload)
				if err := p.Run(ctx); err != nil {
					t.Fatal(err)
				}
				if got := log.Counts(); got != tt.want || p.Written() != tt.workload.Limit {
					t.Errorf("%+v of %d, want %+v", got, p.Written(), tt.want)
				}
				report := b.read(ctx, t, log)
				if !report.OK() || report.Delivered != tt.want.Acked {
					t.Error(report.Detail())
				}
			})
		})
	}
}

func TestProducerKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		log := check.NewLog(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := check.NewProducer(b.client(t), log, check.Workload{Topic: "t", Rate: 200})
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := log.Counts().Acked; got < 1990 || got > 2010 {
			t.Errorf("%d records in ten seconds, want 2000", got)
		}
		if report := b.read(t.Context(), t, log); !report.OK() {
			t.Error(report.Detail())
		}
	})
}

func TestProducerNotesUnknownOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			b.KeepControl()
			return nil, errors.New("cut the connection"), true
		})
		log := check.NewLog(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := check.NewProducer(b.client(t), log, check.Workload{Topic: "t", Rate: 20, Grace: 5 * time.Second})
		if err := p.Run(ctx); err == nil {
			t.Error("no error although nothing was acknowledged")
		}
		if got := log.Counts(); got.Acked > 0 || got.Maybe != p.Written() || got.Maybe == 0 {
			t.Errorf("%+v of %d", got, p.Written())
		}
	})
}

func TestProducerAbortsATransactionWithAFailedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "t", Err: kerr.MessageTooLarge, Count: 1})
		log := check.NewLog(nil)
		p := check.NewProducer(b.client(t, kgo.TransactionalID("x")), log,
			check.Workload{Topic: "t", Limit: 30, Transaction: 10})
		if err := p.Run(t.Context()); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("Run() = %v", err)
		}
		if got := log.Counts(); got.Acked > 0 || got.Aborted != 10 {
			t.Errorf("%+v", got)
		}
		if report := b.read(t.Context(), t, log); !report.OK() {
			t.Error(report.Detail())
		}
	})
}

func TestReaderOfAMissingTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		reader := check.NewReader(b.client(t, check.ReaderOpts("nosuch")...), func(*kgo.Record) {
			t.Error("a record of nowhere")
		}, "nosuch")
		if err := reader.ToEnd(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReaderStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		reader := check.NewReader(b.client(t, check.ReaderOpts("t")...), func(*kgo.Record) {}, "t")
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		if err := reader.Poll(ctx); !errors.Is(err, cause) {
			t.Errorf("Poll() = %v", err)
		}
	})
}
