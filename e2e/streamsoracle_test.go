package e2e_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
	"mm2/streams"
	"mm2/streams/state"
)

// words is a steady load, and what a sequential program would count in it.
type words struct {
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex // guards what follows
	counts map[string]int64
	total  int
}

// loadWords produces first words at once, and then some every 10 ms until the end
// of the test, or until stop is called.
func loadWords(t *testing.T, c *e2e.Cluster, topic string, first, perTick int) *words {
	t.Helper()
	client := c.Client(t, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DefaultProduceTopic(topic))
	ctx, cancel := context.WithCancel(t.Context())
	w := &words{cancel: cancel, done: make(chan error, 1), counts: make(map[string]int64)}
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for n := first; ctx.Err() == nil; n = perTick {
			// Not cut off by the end of the load: a record without an outcome
			// would leave the oracle in doubt.
			if err := client.ProduceSync(context.WithoutCancel(ctx), w.next(n)...).FirstErr(); err != nil {
				w.done <- err
				return
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		w.done <- nil
	}()
	t.Cleanup(cancel)
	return w
}

// next are some more records. Their keys spread a word over all partitions.
func (w *words) next(n int) (batch []*kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		word := fmt.Sprintf("word-%d", w.total*7919%101)
		w.counts[word]++
		w.total++
		batch = append(batch, &kgo.Record{Key: fmt.Appendf(nil, "%d", w.total), Value: []byte(word)})
	}
	return batch
}

// sofar is how many records there are.
func (w *words) sofar() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// more waits until so many records more are produced than when it was called.
func (w *words) more(t *testing.T, more int) {
	t.Helper()
	want := w.sofar() + more
	e2e.Until(t, arrivesIn, "load", func(context.Context) error {
		if n := w.sofar(); n < want {
			return fmt.Errorf("%d of %d records are produced", n, want)
		}
		return nil
	})
}

func (w *words) stop(t *testing.T, topic string) {
	t.Helper()
	w.cancel()
	if err := <-w.done; err != nil {
		t.Fatalf("produce to %s: %v", topic, err)
	}
}

// counts reads committed counts and checks that each key counts from 1 by ones:
// then nothing is lost, repeated or seen that was aborted.
type counts struct {
	reader *check.Reader
	last   map[string]int64
	seen   int
	wrong  error // the first count that does not follow the one before it
}

func newCounts(t *testing.T, c *e2e.Cluster, topic string) *counts {
	t.Helper()
	n := &counts{last: make(map[string]int64)}
	n.reader = check.NewReader(c.Client(t, check.ReaderOpts(topic)...), n.saw, topic)
	return n
}

func (n *counts) saw(r *kgo.Record) {
	n.seen++
	var count int64
	if len(r.Value) == 8 {
		count = int64(binary.BigEndian.Uint64(r.Value))
	}
	if key := string(r.Key); n.wrong == nil && count != n.last[key]+1 {
		n.wrong = e2e.Hopeless("%s-%d, offset %d: %q is counted %d after %d", r.Topic, r.Partition, r.Offset, key, count, n.last[key])
	}
	n.last[string(r.Key)] = count
}

// step reads to the end and tells what was wrong so far.
func (n *counts) step(ctx context.Context) error {
	if err := n.reader.ToEnd(ctx); err != nil {
		return err
	}
	return n.wrong
}

// until waits for a number of counts.
func (n *counts) until(t *testing.T, want int, alive ...*member) {
	t.Helper()
	e2e.Until(t, arrivesIn, fmt.Sprintf("%d counts", want), func(ctx context.Context) error {
		for _, m := range alive {
			if err := m.Alive(); err != nil {
				return err
			}
		}
		if err := n.step(ctx); err != nil {
			return err
		}
		if n.seen < want {
			return fmt.Errorf("%d came", n.seen)
		}
		return nil
	})
}

// counting is a test of the counting application.
type counting struct {
	cluster *e2e.Cluster
	job     counterJob
	words   *words
	counts  *counts
}

const countPartitions = 8

// newCounting makes topics, the first records and a load of some records each
// 10 ms. The first records make the changelogs long beside what is written later.
func newCounting(t *testing.T, app string, threads, first, perTick int) *counting {
	t.Helper()
	c := cluster(t, "streams")
	job := counterJob{App: app, Input: app + ".words", Output: app + ".counts", Bootstrap: c.Bootstrap(), Threads: threads}
	visibleTopic(t, c, job.Input, countPartitions)
	visibleTopic(t, c, job.Output, countPartitions)
	return &counting{cluster: c, job: job, words: loadWords(t, c, job.Input, first, perTick), counts: newCounts(t, c, job.Output)}
}

// more waits until all is counted that is produced by now.
func (n *counting) more(t *testing.T, alive ...*member) {
	t.Helper()
	n.counts.until(t, n.words.sofar(), alive...)
}

// finish ends the load and the members, and compares output and rows with what
// was produced.
func (n *counting) finish(t *testing.T, members ...*member) {
	t.Helper()
	n.words.stop(t, n.job.Input)
	n.more(t, members...)
	for _, m := range members {
		m.restored(t)
		m.Stop(t, stopsIn)
	}
	if err := n.counts.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(n.words.counts, n.counts.last); diff != "" || n.counts.seen != n.words.total {
		t.Errorf("%d counts of %d records; last counts (-want +got):\n%s", n.counts.seen, n.words.total, diff)
	}
	leaveAll(t, n.cluster, n.job.App)
	for _, m := range members {
		n.rows(t, m)
	}
	t.Logf("%d records of %d words", n.words.total, len(n.words.counts))
}

// rows runs the application in this process with the directory of a member, and
// compares the rows that it then has with what was produced.
func (n *counting) rows(t *testing.T, m *member) {
	t.Helper()
	job := m.job
	job.Settings = nil // nobody waits for a static member of this test
	topology, err := job.topology(func() { t.Error("something was left to count") })
	if err != nil {
		t.Fatal(err)
	}
	c, err := job.config()
	if err != nil {
		t.Fatal(err)
	}
	app, err := streams.New(topology, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	i := &instance{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(i.done)
		i.err = app.Run(ctx)
	}()
	defer i.end(t)
	e2e.Until(t, takesTasksIn, "the rows of "+m.name+" are those of all records", func(context.Context) error {
		if err := i.alive(); err != nil {
			return err
		}
		got := make(map[string]int64)
		view, err := streams.QueryKeyValue[string, state.Timestamped[int64]](app, counterStore)
		if err != nil {
			return err
		}
		for word, row := range view.All() {
			got[word] += row.Value
		}
		if err := view.Err(); err != nil {
			return err
		}
		if !maps.Equal(n.words.counts, got) {
			return errors.New(cmp.Diff(n.words.counts, got))
		}
		return nil
	})
}

// leaveAll ends what static members left behind, so that others need not wait
// until they are missed.
func leaveAll(t *testing.T, c *e2e.Cluster, group string) {
	t.Helper()
	admin := c.Admin(t)
	groups, err := admin.DescribeGroups(t.Context(), group)
	if err == nil {
		err = groups.Error()
	}
	if err != nil {
		t.Fatalf("describe group %s: %v", group, err)
	}
	for _, m := range groups[group].Members {
		if m.InstanceID == nil {
			continue
		}
		if _, err := admin.LeaveGroup(t.Context(), kadm.LeaveGroup(group).InstanceIDs(*m.InstanceID)); err != nil {
			t.Fatalf("leave group %s: %v", group, err)
		}
	}
}
