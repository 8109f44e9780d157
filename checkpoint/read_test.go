package checkpoint_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// fake is a cluster in the caller's bubble, and how to reach it.
type fake struct {
	*mm2test.Cluster
	dialer *kafka.Dialer
}

func newFake(t *testing.T, vnet *kfake.VirtualNetwork, alias topology.Alias, port int) fake {
	t.Helper()
	c := mm2test.NewCluster(t, vnet, port, string(alias))
	d, err := kafka.NewDialer(alias, connection.Connection{Bootstrap: c.Addrs}, slog.New(slog.DiscardHandler), kgo.Dialer(vnet.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return fake{c, d}
}

const checkpointsTopic = "A.checkpoints.internal"

// store writes checkpoints to the topic.
func (f fake) store(t *testing.T, cs ...checkpoint.Checkpoint) {
	t.Helper()
	for _, c := range cs {
		key, err := c.EncodeKey()
		value, err2 := c.EncodeValue()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		f.Produce(t, &kgo.Record{Topic: checkpointsTopic, Key: key, Value: value})
	}
}

func inBubble(t *testing.T, name string, test func(t *testing.T, b fake)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var vnet kfake.VirtualNetwork
			test(t, newFake(t, &vnet, "B", 9092))
		})
	})
}

// TestCheckpointStoreTest is Java's CheckpointStoreTest.
func TestCheckpointStoreTest(t *testing.T) {
	ours := func(group string) bool { return group == "group1" || group == "group2" }

	inBubble(t, "testReadCheckpointsTopic", func(t *testing.T, b fake) {
		b.Create(t, checkpointsTopic, 1)
		first := checkpoint.Checkpoint{Group: "group1", Topic: "t1", Upstream: 1, Downstream: 2, Metadata: "first"}
		second := checkpoint.Checkpoint{Group: "group1", Topic: "t1", Upstream: 10, Downstream: 12}
		other := checkpoint.Checkpoint{Group: "group1", Topic: "t1", Partition: 1, Upstream: 1, Downstream: 1}
		foreign := checkpoint.Checkpoint{Group: "group3", Topic: "t1", Upstream: 1, Downstream: 2}
		b.store(t, first, foreign)
		key, _ := first.EncodeKey()
		b.Produce(t,
			&kgo.Record{Topic: checkpointsTopic, Key: []byte("k"), Value: []byte("v")},
			&kgo.Record{Topic: checkpointsTopic, Key: key, Value: []byte{0, 0, 1}},
			&kgo.Record{Topic: checkpointsTopic, Key: key}, // a tombstone removes nothing
			&kgo.Record{Topic: checkpointsTopic, Value: []byte("v")},
		)
		b.store(t, other, second)

		got, err := checkpoint.ReadCheckpoints(t.Context(), b.dialer, "test", checkpointsTopic, ours)
		if err != nil {
			t.Fatal(err)
		}
		want := checkpoint.StoredCheckpoints{
			Checkpoints: checkpoint.Checkpoints{"group1": {second.Target(): second, other.Target(): other}},
			Malformed:   4, Foreign: 1,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
	inBubble(t, "testReadCheckpointsTopicError", func(t *testing.T, b fake) {
		b.Create(t, checkpointsTopic, 1)
		b.store(t, checkpoint.Checkpoint{Group: "group1", Topic: "t1", Upstream: 1, Downstream: 2})
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: checkpointsTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		got, err := checkpoint.ReadCheckpoints(t.Context(), b.dialer, "test", checkpointsTopic, ours)
		if !errors.Is(err, kerr.TopicAuthorizationFailed) || len(got.Checkpoints) != 0 {
			t.Errorf("got %+v, error %v", got, err)
		}
	})
	inBubble(t, "empty topic", func(t *testing.T, b fake) {
		b.Create(t, checkpointsTopic, 1)
		got, err := checkpoint.ReadCheckpoints(t.Context(), b.dialer, "test", checkpointsTopic, nil)
		if err != nil || got.Checkpoints == nil || len(got.Checkpoints) != 0 {
			t.Errorf("got %+v, error %v", got, err)
		}
	})
	inBubble(t, "no topic", func(t *testing.T, b fake) {
		if _, err := checkpoint.ReadCheckpoints(t.Context(), b.dialer, "test", checkpointsTopic, nil); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("error %v", err)
		}
	})
}

// TestMirrorClientTest is the part of Java's MirrorClientTest that reads
// checkpoints; the rest is topology.TestMirrorClientTest.
func TestMirrorClientTest(t *testing.T) {
	policy := topology.NewDefaultPolicy(".", "")
	inBubble(t, "testRemoteConsumerOffsetsIllegalArgs", func(t *testing.T, b fake) {
		tests := []struct {
			name string
			call func(ctx context.Context) error
			text string
		}{
			{"no group", offsetsOf(b.dialer, policy, "A", ""), "no group"},
			{"no source", offsetsOf(b.dialer, policy, "", "g"), "required"},
			{"no policy", offsetsOf(b.dialer, nil, "A", "g"), "required"},
			{"no cluster", offsetsOf(nil, policy, "A", "g"), "required"},
			{"no pattern", offsetsMatching(b.dialer, policy, "A", ""), "no pattern"},
			{"bad pattern", offsetsMatching(b.dialer, policy, "A", "("), `pattern "("`},
			{"pattern, no source", offsetsMatching(b.dialer, policy, "", "g.*"), "required"},
			{"no topic", offsetsOf(b.dialer, policy, "A", "g"), "cluster B has no topic A.checkpoints.internal"},
		}
		for _, tt := range tests {
			if err := tt.call(t.Context()); err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: error %v, want %q", tt.name, err, tt.text)
			}
		}
	})
	inBubble(t, "testRemoteConsumerOffsets", func(t *testing.T, b fake) {
		b.Create(t, checkpointsTopic, 1)
		at := func(group string, partition int32, downstream int64, metadata string) checkpoint.Checkpoint {
			return checkpoint.Checkpoint{Group: group, Topic: "A.t", Partition: partition, Upstream: 1, Downstream: downstream, Metadata: metadata}
		}
		b.store(t, at("grp0", 0, 1, "old"), at("grp0", 0, 10, "new"), at("grp0", 1, 11, ""), at("grp1", 0, 20, ""), at("other", 0, 30, ""))

		one, err := checkpoint.RemoteOffsets(t.Context(), b.dialer, policy, "A", "grp0")
		want := map[pipeline.Partition]checkpoint.Checkpoint{
			{Topic: "A.t", Partition: 0}: at("grp0", 0, 10, "new"),
			{Topic: "A.t", Partition: 1}: at("grp0", 1, 11, ""),
		}
		if err != nil || !maps.Equal(one, want) {
			t.Errorf("one group: %v, %v", one, err)
		}
		none, err := checkpoint.RemoteOffsets(t.Context(), b.dialer, policy, "A", "unknown")
		if err != nil || none == nil || len(none) != 0 {
			t.Errorf("unknown group: %v, %v", none, err)
		}
		for pattern, want := range map[string][]string{
			"grp.*": {"grp0", "grp1"}, ".*": {"grp0", "grp1", "other"}, "grp": nil, "(?i)GRP1|other": {"grp1", "other"},
		} {
			all, err := checkpoint.RemoteOffsetsMatching(t.Context(), b.dialer, policy, "A", pattern)
			if got := slices.Sorted(maps.Keys(all)); err != nil || !slices.Equal(got, want) {
				t.Errorf("groups of %s: %v, %v; want %v", pattern, got, err, want)
			}
		}
	})
}

func offsetsOf(d *kafka.Dialer, p topology.Policy, source topology.Alias, group string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := checkpoint.RemoteOffsets(ctx, d, p, source, group)
		return err
	}
}

func offsetsMatching(d *kafka.Dialer, p topology.Policy, source topology.Alias, groups string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := checkpoint.RemoteOffsetsMatching(ctx, d, p, source, groups)
		return err
	}
}
