package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/statedir"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// global fills the global stores: each instance reads all partitions of their
// topics, in no group. The topics are the changelogs, so every record goes
// through the nodes of the stores at each start that does not know it yet.
//
// It belongs to one goroutine, except for the rows of the last commit, which
// tasks read.
type global struct {
	app     *App
	part    *part
	rows    *rows
	task    *task.Task
	clients map[string]*kgo.Client // by cluster
	ends    map[tp]int64           // when it started; those that are not reached yet; topics have qualified names
	next    map[tp]int64
}

// startGlobal opens the global stores and reads their topics to the end. Then
// they go on in the background.
func (a *App) startGlobal(soft, hard context.Context, start func(func() error)) error {
	if a.layout.global != nil {
		g := &global{app: a, part: a.layout.global, ends: make(map[tp]int64), next: make(map[tp]int64)}
		if err := g.open(soft, hard); err != nil {
			return errors.Join(fmt.Errorf("global stores: %w", err), g.close())
		}
		for len(g.ends) > 0 {
			if err := g.round(soft); err != nil || soft.Err() != nil {
				return errors.Join(fmt.Errorf("global stores: %w", errors.Join(err, soft.Err())), g.close())
			}
		}
		a.log.Info("global stores are read to the end", "stores", len(g.part.stores))
		a.show(globalID, g.rows.staged, true)
		a.global = g // closed after the threads, whose tasks read from it
		start(func() error {
			for soft.Err() == nil {
				if err := g.round(soft); err != nil {
					return fmt.Errorf("global stores: %w", err)
				}
			}
			return nil
		})
	}
	a.mu.Lock()
	a.globalReady = true
	a.mu.Unlock()
	return nil
}

func (g *global) open(ctx, hard context.Context) (err error) {
	a := g.app
	g.rows, err = a.openRows(g.part, "global", func() (*statedir.Task, error) { return a.dir.AcquireGlobal("the global stores") })
	if err != nil {
		return err
	}
	sources, err := g.positions(ctx)
	if errors.Is(err, errBeyond) {
		a.log.Warn("the global stores do not fit their topics and are read from the beginning", "err", err)
		if err := errors.Join(g.rows.close(), g.rows.wipe(g.part, a.cfg.OpenDB)); err != nil {
			return err
		}
		sources, err = g.positions(ctx)
	}
	if err != nil {
		return err
	}
	handlers := a.cfg.Handlers
	if !a.cfg.Settings.HandleGlobalErrors {
		handlers = nil
	}
	g.task, err = task.New(task.Config{
		ID: task.ID{Subtopology: -1}, ApplicationID: a.cfg.Settings.ApplicationID, StateDir: g.rows.path, Context: hard,
		Logger: a.log.With("task", "global"), Now: time.Now, MaxIdle: -1, Handlers: handlers, Collector: noOutput{},
		Rows:    func(s *graph.Store) (state.Rows, error) { return g.rows.staged.Rows(g.part.numbers[s.Name]), nil },
		Dropped: func(node, why string) { a.metrics.dropped.WithLabelValues("global", node, why).Inc() },
	}, g.part.nodes, g.part.stores)
	if err != nil {
		return err
	}
	from := make(map[string]map[string]map[int32]kgo.Offset) // by cluster
	for at, source := range sources {
		none := task.Committed{PartitionTime: -1}
		cluster, topic := unqualified(at.topic)
		if err := g.task.AddInput(task.Partition{Cluster: cluster, Topic: topic, Partition: at.partition}, source, g.next[at], none); err != nil {
			return err
		}
		if from[cluster] == nil {
			from[cluster] = make(map[string]map[int32]kgo.Offset)
		}
		if from[cluster][topic] == nil {
			from[cluster][topic] = make(map[int32]kgo.Offset)
		}
		from[cluster][topic][at.partition] = kgo.NewOffset().At(g.next[at])
	}
	if err := g.task.Init(); err != nil {
		return err
	}
	a.show(globalID, g.rows.staged, false)
	g.clients = make(map[string]*kgo.Client)
	for cluster, partitions := range from {
		dial, own := a.dial.global, a.own(a.cfg.Global)
		if cluster != "" {
			dial, own = a.remotes[cluster].dial.global, a.remotes[cluster].own(&a.cfg)
		}
		opts := slices.Concat([]kgo.Opt{a.clientID("GlobalStreamThread")}, a.settingsOf(cluster).Global.Opts(), own, []kgo.Opt{
			kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumePartitions(partitions),
		})
		client, err := dial.Client("global-consumer", opts...)
		if err != nil {
			return err
		}
		g.clients[cluster] = client
	}
	return nil
}

// positions finds out from where to where the topics are read at the start; the
// result says which source reads a partition.
func (g *global) positions(ctx context.Context) (map[tp]string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.app.cfg.Settings.TaskTimeout)
	defer cancel()
	pause := backoff.Backoff{First: 100 * time.Millisecond, Max: 5 * time.Second}
	for {
		sources, err := g.lookUp(ctx)
		if err == nil || classify(err) != again || ctx.Err() != nil {
			return sources, err
		}
		if !backoff.Sleep(ctx, pause.Next()) {
			return nil, err
		}
	}
}

func (g *global) lookUp(ctx context.Context) (map[tp]string, error) {
	sources := make(map[tp]string)
	clear(g.ends)
	for _, n := range g.part.nodes {
		if n.Kind != graph.Source {
			continue
		}
		cluster := g.app.layout.clusterOf(n)
		for _, topic := range n.Topics {
			name := qualified(cluster, topic)
			counts, err := g.app.partitionsOf(ctx, name)
			if err != nil {
				return nil, err
			}
			if counts[name] == 0 {
				return nil, &internaltopics.Error{
					Kind: internaltopics.ErrMissingSourceTopic, Topics: map[string]int32{name: 0},
					Remedy: "Create what is missing before the application starts, and check the names and the right to DESCRIBE the topics.",
				}
			}
			ends, err := g.app.adminOf(cluster).ListEndOffsets(ctx, topic)
			if err != nil {
				return nil, fmt.Errorf("look up the end of %s: %w", name, fromBroker(err))
			}
			starts, err := g.app.adminOf(cluster).ListStartOffsets(ctx, topic)
			if err != nil {
				return nil, fmt.Errorf("look up the start of %s: %w", name, fromBroker(err))
			}
			for p := range counts[name] {
				start, _ := starts.Lookup(topic, p)
				end, _ := ends.Lookup(topic, p)
				if err := errors.Join(start.Err, end.Err); err != nil {
					return nil, fmt.Errorf("look up the offsets of %s partition %d: %w", name, p, err)
				}
				at := tp{name, p}
				if err := g.place(at, start.Offset, end.Offset); err != nil {
					return nil, err
				}
				sources[at] = n.Name
			}
		}
	}
	return sources, nil
}

func (g *global) place(at tp, start, end int64) error {
	stored, ok, err := g.rows.staged.Offset(at.topic, at.partition)
	if err != nil {
		return err
	}
	if ok && (stored > end || stored < start && start > 0) {
		return fmt.Errorf("%s partition %d has the offsets %d to %d, the stores are at %d: %w", at.topic, at.partition, start, end, stored, errBeyond)
	}
	g.next[at] = start
	if ok {
		g.next[at] = stored
	}
	if g.next[at] < end {
		g.ends[at] = end
	}
	return nil
}

// round reads what there is and commits it, so that tasks see it.
func (g *global) round(ctx context.Context) error {
	got := false
	for cluster, client := range g.clients {
		wait := g.app.cfg.Settings.PollTimeout / time.Duration(len(g.clients))
		poll, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
		fetches := client.PollRecords(poll, g.app.settingsOf(cluster).Global.MaxPollRecords)
		cancel()
		some, err := g.take(cluster, fetches)
		if err != nil {
			return err
		}
		got = got || some
	}
	if !got {
		return nil
	}
	return g.process()
}

// take gives the task what was read from a cluster.
func (g *global) take(cluster string, fetches kgo.Fetches) (got bool, err error) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil && p.Err != nil {
			err = onCluster(cluster, g.fetchError(p))
		}
		if err != nil || len(p.Records) == 0 {
			return
		}
		got = true
		at := tp{qualified(cluster, p.Topic), p.Partition}
		g.next[at] = p.Records[len(p.Records)-1].Offset + 1
		if end, ok := g.ends[at]; ok && g.next[at] >= end {
			delete(g.ends, at)
		}
		data := p.Records[:0]
		for _, r := range p.Records {
			if !r.Attrs.IsControl() {
				data = append(data, r)
			}
		}
		g.app.metrics.globalRecords.Add(float64(len(data)))
		err = g.task.Add(task.Partition{Cluster: cluster, Topic: p.Topic, Partition: p.Partition}, data)
	})
	return got, err
}

// process has the task process what it was given, and commits the rows.
func (g *global) process() error {
	for {
		did, err := g.task.Process(time.Now())
		if err != nil {
			return err
		}
		if !did {
			break
		}
	}
	if _, err := punctuate(g.task); err != nil {
		return err
	}
	meta := state.Meta{}
	for at, next := range g.next {
		meta.SetOffset(at.topic, at.partition, next)
	}
	return g.rows.staged.Commit(meta)
}

func (g *global) fetchError(p kgo.FetchTopicPartition) error {
	switch {
	case errors.Is(p.Err, context.Canceled), errors.Is(p.Err, context.DeadlineExceeded):
		return nil
	case errors.Is(p.Err, kerr.OffsetOutOfRange):
		// The rows have what is not in the topic any more. The next start sees
		// that they do not fit, and reads everything again.
		return fmt.Errorf("read %s partition %d: %w: restart the instance to read the topic from the beginning", p.Topic, p.Partition, p.Err)
	case classify(p.Err) == again:
		g.app.log.Warn("the topic of a global store could not be read; it is tried again", "topic", p.Topic, "partition", p.Partition, "err", kafka.Explain(p.Err))
		return nil
	}
	return fmt.Errorf("read %s partition %d: %w", p.Topic, p.Partition, kafka.Explain(p.Err))
}

func (g *global) close() error {
	var err error
	for _, client := range g.clients {
		client.Close()
	}
	if g.task != nil {
		err = closeTask(g.task)
	}
	if g.rows != nil {
		g.app.hide(globalID, g.rows.staged)
		g.rows.staged.Drop()
		err = errors.Join(err, g.rows.release())
	}
	return err
}

// globalStore gives a task its own view of a global store: the rows of the last
// commit, for reading.
func (a *App) globalStore(name string) (any, bool) {
	if a.global == nil {
		return nil, false
	}
	for _, s := range a.global.part.stores {
		if s.Name != name {
			continue
		}
		view, err := s.Builder.Open(state.Env{
			Rows: a.global.rows.staged.Committed(a.global.part.numbers[name]), Topic: s.SourceTopic,
			Fail:    func(err error) { a.log.Error("a global store could not be read", "store", name, "err", err) },
			Dropped: func() {},
		})
		if err != nil {
			a.log.Error("a global store could not be opened for reading", "store", name, "err", err)
			return nil, false
		}
		return view, true
	}
	return nil, false
}

// noOutput is the collector of nodes that only fill stores.
type noOutput struct{}

func (noOutput) Send(o *task.Output) error {
	return fmt.Errorf("node %q of a global store sends to %s: such nodes have no outputs", o.Node, o.Topic)
}

func (noOutput) Partitions(_, topic string) (int32, error) {
	return 0, fmt.Errorf("a node of a global store asks for the partitions of %s: such nodes have no outputs", topic)
}
