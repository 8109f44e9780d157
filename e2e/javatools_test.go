package e2e_test

import (
	"context"
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
	answer, err := c.Admin(t).CommitOffsets(t.Context(), group, offsets)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatal(fmt.Errorf("commit for %s: %w", group, err))
	}
}
