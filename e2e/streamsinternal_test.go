package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/e2e"
	"mm2/streams"
)

// internalTopic is what a broker says of a topic: how many partitions it has and
// which configs were set for it.
type internalTopic struct {
	Partitions int
	Configs    map[string]string
}

// TestStreamsInternalTopicsAreKafkas compares names, partition counts and configs
// of the topics that an application makes with those that Kafka Streams 4.3.1
// makes for the same operators.
func TestStreamsInternalTopicsAreKafkas(t *testing.T) {
	const app, prefix = "internal", "internal-"
	c := cluster(t, "streams")
	visibleTopic(t, c, "topics.in", 3)
	b := streams.NewBuilder()
	in := streams.Stream[string, string](b, "topics.in")
	grouped := streams.GroupBy(in, func(_, v string) string { return v })
	grouped.Count(streams.Store("counts"))
	streams.WindowedBy(in.GroupByKey(), streams.Tumbling(time.Minute).WithGrace(time.Hour)).Count(streams.Store("windows"))
	streams.SessionWindowedBy(in.GroupByKey(), streams.Session(time.Minute).WithGrace(time.Hour)).Count(streams.Store("sessions"))
	in.Repartition(streams.Named("fixed"), streams.Partitions(5), streams.TopicConfig(map[string]string{"segment.bytes": "1048576"})).
		ForEach(func(streams.Record[string, string]) {})
	streams.Table[string, string](b, "topics.in2", streams.Store("table"))
	visibleTopic(t, c, "topics.in2", 2)

	repartition := func(segment string) map[string]string {
		return map[string]string{
			"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": segment, "message.timestamp.type": "CreateTime",
		}
	}
	// Retention of a window is its size and grace, of a session its gap and grace.
	hours := fmt.Sprint((25*time.Hour + time.Minute).Milliseconds())
	expiring := map[string]string{"cleanup.policy": "compact,delete", "retention.ms": hours, "message.timestamp.type": "CreateTime"}
	compacted := map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
	want := map[string]internalTopic{
		prefix + "counts-repartition": {3, repartition("52428800")},
		prefix + "counts-changelog":   {3, compacted},
		prefix + "windows-changelog":  {3, expiring},
		prefix + "sessions-changelog": {3, expiring},
		prefix + "fixed-repartition":  {5, repartition("1048576")},
		prefix + "table-changelog":    {2, compacted},
	}

	run, admin := startStreams(t, c, app, b), c.Admin(t)
	var got map[string]internalTopic
	e2e.Until(t, time.Minute, "the internal topics", func(ctx context.Context) (err error) {
		if err := run.alive(); err != nil {
			return err
		}
		if got, err = internalTopics(ctx, admin, prefix); err == nil && len(got) < len(want) {
			err = fmt.Errorf("there are %d of %d", len(got), len(want))
		}
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("internal topics (-want +got):\n%s", diff)
	}
}

// internalTopics are the topics whose names begin with a prefix.
func internalTopics(ctx context.Context, admin *kadm.Client, prefix string) (map[string]internalTopic, error) {
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]internalTopic)
	for _, name := range topics.Names() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		configs := make(map[string]string)
		resource, err := admin.DescribeTopicConfigs(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, r := range resource {
			if r.Err != nil {
				return nil, r.Err
			}
			for _, config := range r.Configs {
				if config.Source == kmsg.ConfigSourceDynamicTopicConfig {
					configs[config.Key] = config.MaybeValue()
				}
			}
		}
		found[name] = internalTopic{len(topics[name].Partitions), configs}
	}
	return found, nil
}
