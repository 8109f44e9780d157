package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestHarness shows that clusters keep acknowledged records through kill and
// restart, so that what other tests find missing was lost by mm2. The records
// are copied by a plain loop, of which the checker must find nothing wrong.
func TestHarness(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(map[int]string{1: "one node", 3: "three nodes"}[nodes], func(t *testing.T) {
			c := ownClusters(t, e2e.Options{Nodes: nodes})[0]
			c.CreateTopic(t, "source", 3)
			c.CreateTopic(t, "copy", 3)
			log := check.NewLog(nil)
			view := log.View(func(string) string { return "copy" })

			stop := load(t, c, log, check.Workload{Topic: "source", Rate: 500})
			waitAcked(t, log, 300)
			for i := range nodes {
				c.Kill(t, i)
				c.Restart(t, i)
				waitAcked(t, log, log.Counts().Acked+300)
			}
			stop()
			plainCopy(t, c, log.Counts().Acked)

			reader := check.NewReader(c.Client(t, check.ReaderOpts("copy")...), view.Saw, "copy")
			if err := reader.ToEnd(t.Context()); err != nil {
				t.Fatal(err)
			}
			report := view.Report()
			t.Log(report)
			if err := report.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// plainCopy copies n records from "source" to "copy".
func plainCopy(t *testing.T, c *e2e.Cluster, n int) {
	t.Helper()
	from := c.Client(t, kgo.ConsumeTopics("source"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	to := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	copied := 0
	e2e.Until(t, time.Minute, "the plain copy", func(ctx context.Context) error {
		for copied < n {
			fetches := from.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				return err
			}
			records := fetches.Records()
			for _, r := range records {
				r.Topic = "copy"
			}
			if err := to.ProduceSync(ctx, records...).FirstErr(); err != nil {
				return e2e.Hopeless("copy: %w", err)
			}
			copied += len(records)
		}
		return nil
	})
}
