package runtime_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/mm2test"
	"mm2/streams"
)

func TestGlobalTableElsewhere(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "names", 2)
		r.cluster.Create(t, "names", 1)
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		b := streams.NewBuilder()
		far := streams.GlobalTable[string, string](b, "names", streams.OnCluster("src"), streams.Store("far"))
		near := streams.GlobalTable[string, string](b, "names", streams.Store("near"))
		join := func(v, name string) string { return v + name }
		by := func(k, _ string) string { return k }
		in := streams.Stream[string, string](b, "in")
		streams.JoinGlobal(streams.JoinGlobal(in, far, by, join), near, by, join).To("out")
		src.Produce(t, record("names", 0, "a", " far a"), record("names", 1, "b", " far b"))
		r.cluster.Produce(t, record("names", 0, "a", " near a"), record("names", 0, "b", " near b"), record("in", 0, "a", "1"), record("in", 0, "b", "2"))
		r.start("a", build(t, b))
		r.until("both are joined", func() bool { return len(r.cluster.Committed(t, "out")) == 2 })
		if got := values(r.cluster.Committed(t, "out")); !slices.Equal(got, []string{"1 far a near a", "2 far b near b"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestDirectSinkRepeats crashes between what is written elsewhere and the commit
// at home: the other cluster has repeated records, home has not.
func TestDirectSinkRepeats(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, dst *mm2test.Cluster) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		dst.Create(t, "far", 1)
		top := func() *streams.Topology {
			b := streams.NewBuilder()
			in := streams.Stream[string, string](b, "in")
			in.To("out")
			in.To("far", streams.OnCluster("src"), streams.Direct(), streams.AllowDuplicates())
			return build(t, b)
		}
		var log strings.Builder
		a := r.start("a", top(), func(c *streams.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		r.running(a)
		var cut atomic.Bool
		r.cluster.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			if !cut.CompareAndSwap(false, true) {
				return nil, nil, false
			}
			a.link.Cut()
			return nil, errors.New("cut"), true
		})
		r.produce("in", 1, 0, 10)
		r.until("the instance is cut off", cut.Load)
		_ = a.end()
		if !strings.Contains(log.String(), "a crash in between repeats records") {
			t.Errorf("the log says nothing of repeated records: %s", &log)
		}
		b := r.start("b", top())
		r.until("all are copied", func() bool { return len(r.cluster.Committed(t, "out")) == 10 })
		if err := b.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		want := values(r.cluster.Committed(t, "out"))
		got := values(dst.Committed(t, "far"))
		if len(got) <= 10 || !slices.Equal(slices.Compact(slices.Clone(got)), want) {
			t.Errorf("elsewhere are %q, want %q with some repeated", got, want)
		}
	})
}
