package runtime_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"mm2/streams"
	"mm2/streams/state"
)

// byKey counts behind a repartition of four partitions.
func byKey(t *testing.T) *streams.Topology {
	b := streams.NewBuilder()
	b.AddStateStore(state.NewKeyValue[string, int64]("counts"))
	in := streams.Stream[string, string](b, "in").Repartition(streams.Named("by-key"), streams.Partitions(4))
	streams.Process(in, func() streams.Processor[string, string, string, int64] { return &counter{} }, streams.Connect("counts")).To("out")
	return build(t, b)
}

// tasksOf are the partitions of "counts" that an instance can be asked for.
func tasksOf(i *instance) (found []int32) {
	for n := range int32(4) {
		if _, err := streams.QueryKeyValue[string, int64](i.app, "counts", streams.Partition(n)); err == nil {
			found = append(found, n)
		}
	}
	return found
}

// TestLocate asks each instance where each key is, and the one that is named.
func TestLocate(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		r.change = func(c *streams.Config) { c.Guarantee = streams.ExactlyOnce }
		server := func(name string) func(*streams.Config) {
			return func(c *streams.Config) { c.ApplicationServer = name + ":80" }
		}
		a := r.start("a", byKey(t), server("a"))
		if _, err := a.app.Locate(t.Context(), "counts", "k1"); !errors.Is(err, streams.ErrNotRunning) {
			t.Errorf("before it runs: %v", err)
		}
		r.running(a)
		b := r.start("b", byKey(t), server("b"))
		r.until("both have some", func() bool {
			return len(tasksOf(a)) == 2 && len(tasksOf(b)) == 2
		})
		r.produce("in", 1, 0, 140)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 140 })
		byHost := map[string]*instance{"a:80": a, "b:80": b}
		seen := make(map[string]bool)
		for n := range 7 {
			key := fmt.Sprint("k", n)
			for _, asked := range byHost {
				where, err := asked.app.Locate(t.Context(), "counts", key)
				if err != nil || byHost[where.Active] == nil || len(where.Standbys) != 0 {
					t.Fatalf("Locate %s gave %+v, %v", key, where, err)
				}
				view, err := streams.QueryKeyValue[string, int64](byHost[where.Active].app, "counts", streams.Partition(where.Partition))
				if err != nil {
					t.Fatal(err)
				}
				if got, _, err := view.Get(key); got != 20 || err != nil {
					t.Errorf("%s has %s: %d, %v", where.Active, key, got, err)
				}
			}
		}
		for n := range int32(4) {
			where, err := a.app.LocatePartition("counts", n)
			if err != nil || byHost[where.Active] == nil || !slices.Contains(tasksOf(byHost[where.Active]), n) {
				t.Errorf("partition %d is not at %+v, %v", n, where, err)
			}
			seen[where.Active] = true
		}
		if len(seen) != 2 {
			t.Errorf("partitions are on %v only", seen)
		}
		if _, err := a.app.Locate(t.Context(), "counts", 5); err == nil {
			t.Error("a key of another type is located")
		}
		if _, err := a.app.Locate(t.Context(), "none", "k"); !errors.Is(err, streams.ErrStoreNotFound) {
			t.Errorf("an unknown store: %v", err)
		}
		// An instance without an end point has its tasks, and nobody can say where.
		if err := b.end(); err != nil {
			t.Errorf("end b: %v", err)
		}
		c := r.start("c", byKey(t))
		r.running(a, c)
		r.until("c has a partition", func() bool {
			for n := range int32(4) {
				if where, err := a.app.LocatePartition("counts", n); err != nil || where.Active == "b:80" {
					t.Fatalf("partition %d is at %+v, %v", n, where, err)
				} else if where.Active == "" {
					return len(tasksOf(c)) == 2
				}
			}
			return false
		})
	})
}

func TestLocateGlobal(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "names", 1)
		a := r.start("a", windowed(t), func(c *streams.Config) { c.ApplicationServer = "a:80" })
		r.running(a)
		where, err := a.app.Locate(t.Context(), "names-store", "k")
		if err != nil || where.Active != "a:80" || where.Partition != -1 {
			t.Errorf("got %+v, %v", where, err)
		}
		if _, err := a.app.LocatePartition("names-store", 0); err == nil {
			t.Error("a partition of a global store is located")
		}
	})
}

// TestStoreLags looks at a restore that is held up.
func TestStoreLags(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil, state.InMemory()))
		r.running(a)
		r.produce("in", 1, 0, 70)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 70 })
		if lags, err := a.app.StoreLags(t.Context()); err != nil || lags["counts"][0] != (streams.Lag{Position: 70, End: 70}) {
			t.Errorf("a running task has the lags %v, %v", lags, err)
		}
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.app.StoreLags(t.Context()); !errors.Is(err, streams.ErrNotRunning) {
			t.Errorf("after the end: %v", err)
		}
		held, release := make(chan struct{}), make(chan struct{})
		b := r.start("b", counting(t, false, nil, state.InMemory()), func(c *streams.Config) {
			c.RestoreListener.Start = func(streams.Restore) {
				held <- struct{}{}
				<-release
			}
		})
		<-held
		if lags, err := b.app.StoreLags(t.Context()); err != nil || lags["counts"][0] != (streams.Lag{End: 70, Lag: 70}) {
			t.Errorf("before its restore a task has the lags %v, %v", lags, err)
		}
		close(release)
		r.running(b)
		if lags, err := b.app.StoreLags(t.Context()); err != nil || lags["counts"][0].Lag != 0 {
			t.Errorf("after its restore a task has the lags %v, %v", lags, err)
		}
	})
}
