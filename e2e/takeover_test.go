package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestTakeOver hands a flow under load from Java MirrorMaker 2 to mm2 and back,
// with one file for both.
func TestTakeOver(t *testing.T) {
	for _, exactly := range []bool{false, true} {
		name := map[bool]string{false: "at_least_once", true: "exactly_once"}[exactly]
		t.Run(name, func(t *testing.T) { takeOver(t, name, exactly) })
	}
}

func takeOver(t *testing.T, name string, exactly bool) {
	a, b := cluster(t, "a"), cluster(t, "b")
	from, to, topic := "tk_"+name+"_a", "tk_"+name+"_b", "takeover-"+name
	a.CreateTopic(t, topic, 3)
	lines := []string{
		fmt.Sprintf("%s->%s.enabled = true", from, to),
		fmt.Sprintf("%s->%s.topics = %s", from, to, topic),
		fmt.Sprintf("%s->%s.emit.heartbeats.enabled = false", to, from),
		from + ".consumer.isolation.level = read_committed",
		fmt.Sprintf("groups = %s.*", topic),
		"sync.group.offsets.enabled = true",
		"sync.group.offsets.interval.seconds = 1",
		"tasks.max = 2",
	}
	if exactly {
		lines = append(lines, to+".exactly.once.source.support = enabled")
	}
	file := e2e.Properties(map[string]*e2e.Cluster{from: a, to: b}, []string{from, to}, lines...)
	log := check.NewLog(nil)
	stop := load(t, a, log, check.Workload{Topic: topic, Rate: 300})
	arrived := watch(t, b, log, from+".", topic)

	java := e2e.RunJava(t, "java", file)
	arrived.more(t, 1000)
	group := topic + "-group"
	e2e.Until(t, arrivesIn, "Java writes checkpoints", func(ctx context.Context) error {
		// Java does not translate what is before the last offset sync that its task
		// found when it started, and it may have started late: the group moves on.
		moveGroup(t, a, group, topic)
		return hasPositions(ctx, t, b, group, from+"."+topic, 3)
	})

	// While Java runs, mm2 waits, says why, and writes nothing.
	w := e2e.Run(t, e2e.Job{Binary: fleet.binary(t), Name: "successor", Config: file, Suffix: ".properties"})
	refused(t, w, from+"-mm2")
	if exactly {
		java.Kill(t) // in the middle of a transaction, which mm2 ends
	} else {
		java.Stop(t)
	}
	w.Ready(t, arrivesIn)
	arrived.more(t, 1000, w)
	sameAfterTakeOver(t, a, b, group, topic, from+".")
	w.Stop(t, stopsIn)

	java = e2e.RunJava(t, "java again", file)
	arrived.more(t, 1000)
	java.Stop(t)

	w = e2e.Run(t, e2e.Job{Binary: fleet.binary(t), Name: "again", Config: file, Suffix: ".properties"})
	w.Ready(t, arrivesIn)
	arrived.more(t, 1000, w)
	stop()
	arrived.all(t, w)
	w.Stop(t, stopsIn)
	if exactly {
		arrived.verdict(t)
		return
	}
	if err := arrived.reader.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := arrived.view.Report()
	t.Logf("%s: %s", arrived.name, report)
	if report.Lost.Count > 0 || report.Altered.Count > 0 {
		t.Errorf("%s: %v", arrived.name, report.Err())
	}
}

// refused waits until a worker says that it does not run its flow because of a
// group of Java.
func refused(t *testing.T, w *e2e.Worker, group string) {
	t.Helper()
	e2e.Until(t, arrivesIn, "mm2 refuses to run beside "+group, func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		var status struct {
			Flows []struct {
				State    string   `json:"state"`
				Problems []string `json:"problems"`
			} `json:"flows"`
		}
		if err := w.Status(ctx, &status); err != nil {
			return err
		}
		for _, f := range status.Flows {
			if f.State == "down" && strings.Contains(strings.Join(f.Problems, " "), group) {
				return nil
			}
		}
		return fmt.Errorf("status is %+v", status)
	})
}

func hasPositions(ctx context.Context, t *testing.T, c *e2e.Cluster, group, topic string, n int) error {
	t.Helper()
	answer := c.Admin(t).FetchManyOffsets(ctx, group)[group]
	if answer.Err != nil {
		return answer.Err
	}
	if have := len(answer.Fetched[topic]); have < n {
		return fmt.Errorf("%s has %d positions in %s", group, have, topic)
	}
	return nil
}

// moveGroup commits positions a little before the ends of a topic.
func moveGroup(t *testing.T, c *e2e.Cluster, group, topic string) kadm.Offsets {
	t.Helper()
	ends, err := c.Admin(t).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	at := kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) { at.AddOffset(end.Topic, end.Partition, end.Offset-20, -1) })
	commitOffsets(t, c, group, at)
	return at
}

// sameAfterTakeOver moves a group to records that mm2 has copied, and waits until
// it stands at the same ones on the target: Java's checkpoints were read.
func sameAfterTakeOver(t *testing.T, a, b *e2e.Cluster, group, topic, prefix string) {
	t.Helper()
	at := moveGroup(t, a, group, topic)
	source := readLogs(t, a, []string{topic}, "")
	e2e.Until(t, arrivesIn, "the group is at the same records", func(ctx context.Context) error {
		target := readLogs(t, b, []string{topic}, prefix)
		return sameRecords(ctx, t, b, prefix, map[string]kadm.Offsets{group: at}, source, target)
	})
}
