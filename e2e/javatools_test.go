package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestJavaHarness shows that Java MirrorMaker 2 copies here as its users know
// it, so that what other tests find different is mm2's doing.
func TestJavaHarness(t *testing.T) {
	a, b := cluster(t, "a"), cluster(t, "b")
	a.CreateTopic(t, "javaharness", 2)
	log := check.NewLog(nil)
	write(t, a, log, check.Workload{Topic: "javaharness", Limit: 500})
	j := e2e.RunJava(t, "java", e2e.Properties(map[string]*e2e.Cluster{"jh_a": a, "jh_b": b}, []string{"jh_a", "jh_b"},
		"jh_a->jh_b.enabled = true", "jh_a->jh_b.topics = javaharness"))
	arrived := watch(t, b, log, "jh_a.", "javaharness")
	arrived.all(t)
	commit(t, a, "javaharness-group", map[string]map[int32]int64{"javaharness": {0: 10, 1: 20}})
	e2e.Until(t, arrivesIn, "Java's checkpoints", func(context.Context) error {
		out := e2e.JavaProgram(t, "Mirror.java", b.Bootstrap()[0], "jh_a", "javaharness-group")
		t.Log(out)
		if !strings.Contains(out, "offset jh_a.javaharness-0 ") {
			return errors.New(out)
		}
		return nil
	})
	j.Stop(t)
	arrived.verdict(t)
}

// commit commits positions of a group that has no members.
func commit(t *testing.T, c *e2e.Cluster, group string, at map[string]map[int32]int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	for topic, partitions := range at {
		for p, o := range partitions {
			offsets.AddOffset(topic, p, o, -1)
		}
	}
	commitOffsets(t, c, group, offsets)
}

// TestJavaReadsWhatMm2Wrote lets Java's MirrorClient and RemoteClusterUtils look
// at a cluster that only mm2 copies to.
func TestJavaReadsWhatMm2Wrote(t *testing.T) {
	a, b := alias{"jr_a", cluster(t, "a")}, alias{"jr_b", cluster(t, "b")}
	a.CreateTopic(t, "jr-orders", 3)
	log := check.NewLog(nil)
	write(t, a.Cluster, log, check.Workload{Topic: "jr-orders", Limit: 3000})
	commit(t, a.Cluster, "jr-group", map[string]map[int32]int64{"jr-orders": {0: 1, 1: 500, 2: 900}})
	config := mesh(`
kind = "active-standby"
active = "jr_a"
standby = "jr_b"
topics = ["jr-.*"]
groups = { include = ["jr-.*"] }`, a, b)
	w := worker(t, "javareads", config)
	arrived := watch(t, b.Cluster, log, "jr_a.", "jr-orders")
	arrived.all(t, w)

	want := map[string]int64{}
	e2e.Until(t, arrivesIn, "the group is translated", func(context.Context) error {
		clear(want)
		out, errs, code := e2e.Command(t, e2e.Job{Binary: fleet.binary(t), Config: config},
			"offsets", "translate", "jr_a->jr_b", "--group", "jr-group", "-o", "json")
		if code != 0 {
			return fmt.Errorf("exit %d: %s", code, errs)
		}
		var answer translation
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			return e2e.Hopeless("%w: %s", err, out)
		}
		for _, p := range answer.Positions {
			if !p.Exact {
				return fmt.Errorf("not exact yet: %s", out)
			}
			want[fmt.Sprintf("%s-%d", p.TargetTopic, p.TargetPartition)] = p.TargetOffset
		}
		if len(want) != 3 {
			return fmt.Errorf("%d partitions: %s", len(want), out)
		}
		return nil
	})

	e2e.Until(t, arrivesIn, "Java sees the same", func(context.Context) error {
		out := e2e.JavaProgram(t, "Mirror.java", b.Bootstrap()[0], "jr_a", "jr-group")
		for _, line := range []string{"replicationHops 1", "checkpointTopics [", "jr_a.checkpoints.internal", "remoteTopics [jr_a.heartbeats, jr_a.jr-orders]"} {
			if !strings.Contains(out, line) {
				return fmt.Errorf("no %q in\n%s", line, out)
			}
		}
		for partition, offset := range want {
			if line := fmt.Sprintf("offset %s %d \"\"\n", partition, offset); !strings.Contains(out, line) {
				return fmt.Errorf("no %q in\n%s", line, out)
			}
		}
		t.Log(out)
		return nil
	})
	finish(t, []*e2e.Worker{w}, arrived)
}

// translation is what `mm2 offsets translate -o json` prints.
type translation struct {
	Positions []struct {
		TargetTopic     string `json:"target_topic"`
		TargetPartition int32  `json:"target_partition"`
		TargetOffset    int64  `json:"target_offset"`
		Exact           bool   `json:"exact"`
	} `json:"positions"`
}

// TestChainsWithJava puts mm2 behind Java MirrorMaker 2 and before it.
func TestChainsWithJava(t *testing.T) {
	for _, javaFirst := range []bool{true, false} {
		name := map[bool]string{true: "java_first", false: "mm2_first"}[javaFirst]
		t.Run(name, func(t *testing.T) { chainWithJava(t, name, javaFirst) })
	}
}

func chainWithJava(t *testing.T, name string, javaFirst bool) {
	a, b, c := cluster(t, "a"), cluster(t, "b"), cluster(t, "c")
	names := []string{"cj_" + name + "_a", "cj_" + name + "_b", "cj_" + name + "_c"}
	topic := "cj-" + name
	a.CreateTopic(t, topic, 2)
	log := check.NewLog(nil)
	write(t, a, log, check.Workload{Topic: topic, Limit: 1000})

	// One file describes both hops; each program runs one of them.
	hop := func(from, to string) string {
		return e2e.Properties(map[string]*e2e.Cluster{names[0]: a, names[1]: b, names[2]: c}, []string{from, to},
			fmt.Sprintf("%s->%s.enabled = true", from, to), fmt.Sprintf("%s->%s.topics = %s, %s\\\\.%s", from, to, topic, names[0], topic),
			fmt.Sprintf("%s->%s.offset-syncs.topic.location = target", from, to))
	}
	files := []string{hop(names[0], names[1]), hop(names[1], names[2])}
	javaFile, ourFile := files[0], files[1]
	if !javaFirst {
		javaFile, ourFile = files[1], files[0]
	}
	j := e2e.RunJava(t, "java", javaFile)
	w := e2e.Run(t, e2e.Job{Binary: fleet.binary(t), Name: "mm2", Config: ourFile, Suffix: ".properties"})
	w.Ready(t, readyIn)
	onB := watch(t, b, log, names[0]+".", topic)
	onC := watch(t, c, log, names[1]+"."+names[0]+".", topic)
	onB.all(t, w)
	onC.all(t, w)
	e2e.Until(t, arrivesIn, "heartbeats tell the way", func(context.Context) error {
		out := e2e.JavaProgram(t, "Mirror.java", c.Bootstrap()[0], names[0], "nobody")
		if !strings.Contains(out, "replicationHops 2\n") || !strings.Contains(out, names[1]+"."+names[0]+".heartbeats") {
			return errors.New(out)
		}
		out = e2e.JavaProgram(t, "Mirror.java", c.Bootstrap()[0], names[1], "nobody")
		if !strings.Contains(out, "replicationHops 1\n") {
			return errors.New(out)
		}
		return nil
	})
	w.Stop(t, stopsIn)
	j.Stop(t)
	onB.verdict(t)
	onC.verdict(t)
	noTopic(t, a, names[1]+"."+names[0]+"."+topic)
	noTopic(t, b, names[2]+"."+names[1]+"."+names[0]+"."+topic)
}
