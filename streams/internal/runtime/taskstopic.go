package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/positions"
)

// ensureTasks makes the topic of tasks, or adds partitions to it. It comes before
// all other internal topics, so that the topic was lost if those are there alone.
func (a *App) ensureTasks(ctx context.Context, r internaltopics.Request, plan *internaltopics.Plan) error {
	if !a.layout.direct {
		return nil
	}
	topic := a.layout.tasksTopic()
	var most int32
	for _, n := range plan.Tasks {
		most = max(most, n)
	}
	want := r.Defaults.Tasks(topic, most*int32(len(a.layout.parts)))
	names := []string{topic}
	for _, t := range plan.Topics {
		names = append(names, t.Name)
	}
	have, err := a.topics.Partitions(ctx, names...)
	if err != nil {
		return err
	}
	switch n := have[topic]; {
	case n == 0 && len(have) > 0:
		return &internaltopics.Error{
			Kind: internaltopics.ErrMissingInternalTopic, Topics: map[string]int32{topic: 0}, Detail: "other internal topics of the application exist",
			Remedy: "The positions in all sources went with it, or the application read from its home cluster only before. Reset the application, or give this one another application id.",
		}
	case n > 0 && n < want.Partitions:
		if err := a.growTasks(ctx, topic, want.Partitions); err != nil {
			return err
		}
	case n > want.Partitions: // topics had more partitions once; indexes stay what they are
		want.Partitions = n
	}
	return a.topics.Ensure(ctx, []internaltopics.Topic{want})
}

// growTasks adds partitions. Another leader may have done so already.
func (a *App) growTasks(ctx context.Context, topic string, to int32) error {
	answers, err := a.admin.UpdatePartitions(ctx, int(to), topic)
	if err == nil {
		err = answers[topic].Err
	}
	if err != nil && !errors.Is(err, kerr.InvalidPartitions) {
		return fmt.Errorf("give topic %s %d partitions: %w", topic, to, fromBroker(err))
	}
	return nil
}

// checkPositions refuses a topology whose positions do not fit beside an offset.
func (a *App) checkPositions(r internaltopics.Request) error {
	if !a.layout.direct {
		return nil
	}
	for i, p := range a.layout.parts {
		t := positions.Text{Subtopology: int32(p.id), Partition: 1<<31 - 1, Kept: make(map[string]int64)}
		for _, name := range r.Subtopologies[i].Sources {
			cluster, topic := unqualified(name)
			t.Positions = append(t.Positions, positions.Position{Cluster: cluster, Topic: topic})
		}
		for _, n := range p.nodes {
			for _, s := range n.Stores { // operators keep times under the names of their stores
				t.Kept[s], t.Kept[s+"-stream-time"] = 0, 0
			}
		}
		if size := positions.Largest(t); size > positions.Limit {
			return &internaltopics.Error{Kind: errPositions, Topics: r.UserTopics, Detail: tooLarge(p.id, len(t.Positions), size).Error(), Remedy: "Nothing was processed."}
		}
	}
	return nil
}

var errPositions = errors.New("the positions of a task do not fit beside an offset")

// warnOfDirectSinks names the sinks that write past the commit.
func (a *App) warnOfDirectSinks() {
	for _, n := range a.cfg.Topology.Nodes {
		if cluster := a.layout.clusterOf(n); n.Kind == graph.Sink && cluster != "" {
			a.log.Warn("a sink writes to another cluster before the commit at home: a crash in between repeats records there", "sink", n.Name, "topic", n.Topic, "cluster", cluster)
		}
	}
}
