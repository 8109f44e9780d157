package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
)

// BenchmarkSyncStaleness measures how long a commit on the source takes until
// its translation is committed on the target, for one group that commits again
// and again, and prints p50 and p99. mm2 follows by tailing and by polling.
func BenchmarkSyncStaleness(b *testing.B) {
	e2e.Require(b)
	binary, err := e2e.Build(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	source, target := e2e.StartFor(b, e2e.Options{}), e2e.StartFor(b, e2e.Options{})
	source.CreateTopic(b, "stale", 1)
	client := source.Client(b)
	for i := range 2000 {
		client.Produce(b.Context(), &kgo.Record{Topic: "stale", Value: fmt.Appendf(nil, "record %d", i)}, nil)
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, settings := range []string{`follow = "tail"`, `follow = "tail", sync_interval = "50ms"`, `follow = "poll"`} {
			times := staleness(b, binary, source, target, settings)
			slices.Sort(times)
			b.Logf("groups = { %s }: from commit to its translation on the target p50 %v, p99 %v, most %v (%d commits)", settings,
				times[len(times)/2].Round(time.Millisecond), times[len(times)*99/100].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond), len(times))
		}
	}
	b.ReportMetric(0, "ns/op")
}

var staleRuns int

func staleness(b *testing.B, binary string, source, target *e2e.Cluster, settings string) []time.Duration {
	b.Helper()
	staleRuns++
	from := fmt.Sprintf("stale%d", staleRuns)
	group := from + "-group"
	w := e2e.Run(b, e2e.Job{Binary: binary, Name: from, Config: strings.ReplaceAll(fmt.Sprintf(`
[clusters.%s]
bootstrap = ["%s"]
[clusters.target]
bootstrap = ["%s"]
[[topology]]
kind = "active-standby"
active = "%s"
standby = "target"
topics = ["stale"]
groups = { include = ["%s"], %s }
`, from, source.Bootstrap()[0], target.Bootstrap()[0], from, group, settings), "\t", "")})
	w.Ready(b, readyIn)
	admin, targets := source.Admin(b), target.Admin(b)
	move := func(to int64) {
		at := kadm.Offsets{}
		at.AddOffset("stale", 0, to, -1)
		if err := admin.CommitAllOffsets(b.Context(), group, at); err != nil {
			b.Fatal(err)
		}
	}
	here := func(ctx context.Context) int64 {
		answer, err := targets.FetchOffsets(ctx, group)
		if err != nil {
			return -1
		}
		o, ok := answer.Lookup(from+".stale", 0)
		if !ok {
			return -1
		}
		return o.At
	}
	move(1)
	e2e.Until(b, arrivesIn, "the first translation", func(ctx context.Context) error {
		if at := here(ctx); at < 0 {
			return fmt.Errorf("none yet")
		}
		return nil
	})
	var times []time.Duration
	pause := time.NewTicker(37 * time.Millisecond)
	defer pause.Stop()
	for i := range 60 {
		before := here(b.Context())
		for range 1 + i%20 { // at any time between two rounds
			<-pause.C
		}
		began := time.Now()
		move(int64(2 + i*10))
		for here(b.Context()) <= before {
			if time.Since(began) > arrivesIn {
				b.Fatalf("commit %d has not arrived within %v", i, arrivesIn)
			}
		}
		times = append(times, time.Since(began))
	}
	w.Stop(b, stopsIn)
	return times
}
