package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestStreamsStaticMembersRestart restarts static members one after another, as
// in an update of the program, one of them by a kill. Each is back within its
// session: the group stays in its generation, and every member has what it had.
func TestStreamsStaticMembersRestart(t *testing.T) {
	n := newCounting(t, "static", 2, 2_000, 5)
	var members []*member
	for _, name := range []string{"a", "b"} {
		job := n.job
		// Long, so that a slow start is still within it.
		job.Settings = map[string]string{"group.instance.id": name, "session.timeout.ms": "60000"}
		members = append(members, newMember(t, name, job))
	}
	for _, m := range members {
		m.works(t, 0)
	}
	n.more(t, members...)
	var before generation
	e2e.Until(t, takesTasksIn, "the group has given out all partitions", func(ctx context.Context) (err error) {
		if before, err = groupOf(ctx, n.cluster.Client(t, check.ReaderOpts(offsetsTopic)...), n.job.App); err != nil {
			return err
		}
		if before.partitions() < 2*countPartitions || len(before.Assigned) < 4 {
			err = fmt.Errorf("it has %d static members with %d partitions", len(before.Assigned), before.partitions())
		}
		return err
	})
	for _, m := range members {
		m.restart(t)
		m.works(t, 0)
	}
	members[0].kill(t)
	members[0].works(t, 0)
	n.more(t, members...)
	after, err := groupOf(t.Context(), n.cluster.Client(t, check.ReaderOpts(offsetsTopic)...), n.job.App)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the restarts made the group rebalance (-before +after):\n%s", diff)
	}
	n.finish(t, members...)
}

// generation is a group as the broker stored it last.
type generation struct {
	Number   int32
	Assigned map[string][]string // partitions of each member, by its instance id
}

func (g *generation) partitions() (n int) {
	for _, list := range g.Assigned {
		n += len(list)
	}
	return n
}

// offsetsTopic is where brokers keep groups.
const offsetsTopic = "__consumer_offsets"

// groupOf reads it from there by a client of its own. Nothing else tells the
// generation.
func groupOf(ctx context.Context, client *kgo.Client, group string) (g generation, err error) {
	defer client.Close()
	saw := func(r *kgo.Record) {
		var key kmsg.GroupMetadataKey
		var value kmsg.GroupMetadataValue
		if key.ReadFrom(r.Key) != nil || key.Version != 2 || key.Group != group || len(r.Value) == 0 {
			return // of another kind or group
		}
		if failed := value.ReadFrom(r.Value); failed != nil {
			err = errors.Join(err, fmt.Errorf("read the metadata of group %s: %w", group, failed))
			return
		}
		g = generation{Number: value.Generation, Assigned: make(map[string][]string)}
		for _, m := range value.Members {
			if m.InstanceID != nil {
				g.Assigned[*m.InstanceID] = partitionNames(m.Assignment)
			}
		}
	}
	if failed := check.NewReader(client, saw, offsetsTopic).ToEnd(ctx); failed != nil {
		return g, failed
	}
	return g, err
}

// partitionNames are what an assignment gives. One that cannot be read gives none.
func partitionNames(assignment []byte) (names []string) {
	var a kmsg.ConsumerMemberAssignment
	if a.ReadFrom(assignment) != nil {
		return nil
	}
	for _, topic := range a.Topics {
		for _, p := range topic.Partitions {
			names = append(names, fmt.Sprintf("%s-%d", topic.Topic, p))
		}
	}
	slices.Sort(names)
	return names
}
