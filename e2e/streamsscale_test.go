package e2e_test

import "testing"

// TestStreamsScaleOutAndIn counts with one instance, with three and with one
// again, under load. The last one was not there from the beginning: everything
// moves.
func TestStreamsScaleOutAndIn(t *testing.T) {
	n := newCounting(t, "scale", 2, 2_000, 5)
	a := newMember(t, "a", n.job)
	a.works(t, 0)
	n.more(t, a)

	b, c := newMember(t, "b", n.job), newMember(t, "c", n.job)
	for _, m := range []*member{b, c, a} {
		m.works(t, 0)
	}
	n.more(t, a, b, c)

	a.Stop(t, stopsIn)
	b.Stop(t, stopsIn)
	n.more(t, c)
	n.finish(t, c)
}

// TestStreamsZombie freezes an instance until another one has all its work, and
// then lets it go on with what it believes to have.
func TestStreamsZombie(t *testing.T) {
	n := newCounting(t, "zombie", 2, 2_000, 5)
	a, b := newMember(t, "a", n.job), newMember(t, "b", n.job)
	a.works(t, 0)
	b.works(t, 0)
	for range 2 {
		n.more(t, a, b)
		a.freeze(t)
		// When all is counted that was produced for a while after it froze, in all
		// partitions, its tasks have moved.
		n.words.more(t, 50*countPartitions)
		n.more(t, b)
		before := len(a.events())
		a.thaw(t)
		a.works(t, before)
	}
	n.finish(t, a, b)
}
