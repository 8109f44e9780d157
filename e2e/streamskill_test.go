package e2e_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestStreamsExactlyOnceUnderKills counts records while the two instances are
// killed again and again, one or the other or both.
func TestStreamsExactlyOnceUnderKills(t *testing.T) {
	const kills = 20
	n := newCounting(t, "kills", 4, 80_000, 8)
	a, b := newMember(t, "a", n.job), newMember(t, "b", n.job)
	both := []*member{a, b}
	for _, m := range both {
		m.works(t, 0)
	}
	n.more(t, both...)
	// A clean end flushes the rows. A kill loses what is in memory, so this is the
	// least that later restores go on from.
	for _, m := range both {
		m.restart(t)
		m.works(t, 0)
	}

	killed := 0
	for round := 0; killed < kills; round++ {
		victims := [][]*member{{a}, {b}, both}[round%3]
		for _, m := range victims {
			m.kill(t)
			killed++
		}
		for _, m := range victims {
			m.works(t, 0)
		}
		if err := n.counts.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n.finish(t, both...)

	resumed, read, whole := a.resumed+b.resumed, a.read+b.read, a.whole+b.whole
	t.Logf("%d restores began at a stored offset and read %d of the %d offsets of their changelogs", resumed, read, whole)
	if resumed == 0 || read >= whole {
		t.Error("restores do not go on from stored rows")
	}
	all := readAll(t, n.cluster, n.job.Output)
	t.Logf("%d kills; the output has %d records, %d of them aborted", killed, all, all-n.counts.seen)
	if all == n.counts.seen {
		t.Error("no kill left an aborted record: nothing shows that readers do not see them")
	}
}

// readAll is the number of records in a topic with those that were aborted.
func readAll(t *testing.T, c *e2e.Cluster, topic string) (n int) {
	t.Helper()
	opts := append(check.ReaderOpts(topic), kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	reader := check.NewReader(c.Client(t, opts...), func(*kgo.Record) { n++ }, topic)
	if err := reader.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}
