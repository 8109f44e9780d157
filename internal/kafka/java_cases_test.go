package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
)

// TestMirrorUtilsTest is Java's. Java creates first and takes some refusals for
// "it exists"; mm2 looks first, so a topic that exists needs no right to create
// topics, and one that does not is never assumed.
func TestMirrorUtilsTest(t *testing.T) {
	tests := []struct {
		name    string
		refusal *kerr.Error // of CreateTopics
		exists  bool
		want    error
		text    string
	}{
		{name: "testCreateCompactedTopic"},
		{name: "testCreateCompactedTopicAlreadyExists", refusal: kerr.TopicAlreadyExists, exists: true},
		{name: "testCreateCompactedTopicAssumeTopicAlreadyExistsWithUnsupportedVersionException", refusal: kerr.UnsupportedVersion, exists: true},
		{name: "testCreateCompactedTopicAssumeTopicAlreadyExistsWithClusterAuthorizationException", refusal: kerr.ClusterAuthorizationFailed, exists: true},
		{name: "testCreateCompactedTopicAssumeTopicAlreadyExistsWithTopicAuthorizationException", refusal: kerr.TopicAuthorizationFailed, exists: true},
		{
			name: "absent, unsupported version", refusal: kerr.UnsupportedVersion, want: kerr.UnsupportedVersion,
			text: "create topic mm2-lanes.A.internal",
		},
		{
			name: "absent, cluster authorization", refusal: kerr.ClusterAuthorizationFailed, want: kerr.ClusterAuthorizationFailed,
			text: "grant CREATE on Topic mm2-lanes.A.internal (or on Cluster)",
		},
		{
			name: "absent, topic authorization", refusal: kerr.TopicAuthorizationFailed, want: kerr.TopicAuthorizationFailed,
			text: "or create the topic beforehand",
		},
		{
			name: "testCreateCompactedTopicFailsWithInvalidConfigurationException", refusal: kerr.InvalidConfig, want: kerr.InvalidConfig,
			text: "create topic mm2-lanes.A.internal",
		},
		{
			name: "testCreateCompactedTopicFailsWithTimeoutException", refusal: kerr.RequestTimedOut, want: context.DeadlineExceeded,
			text: "wait for topic mm2-lanes.A.internal (the brokers do not know it yet)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, admin := internalTopicCluster(t)
				if tt.exists {
					if err := c.CreateTopic(lanesSpec.Name, lanesSpec.Partitions, map[string]string{"cleanup.policy": "compact"}); err != nil {
						t.Fatal(err)
					}
				}
				if tt.refusal != nil {
					c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
						c.KeepControl()
						resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
						rt := kmsg.NewCreateTopicsResponseTopic()
						rt.Topic, rt.ErrorCode = lanesSpec.Name, tt.refusal.Code
						resp.Topics = append(resp.Topics, rt)
						return resp, nil, true
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				st, err := kafka.EnsureInternalTopic(ctx, admin(), lanesSpec)
				if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
				}
				if tt.want == nil && (st.Partitions != lanesSpec.Partitions || st.CleanupPolicy != kafka.Compact || st.Created == tt.exists) {
					t.Errorf("state: %+v", st)
				}
			})
		})
	}
	// Somebody who may create it does so between our look and our refusal.
	t.Run("testCreateCompactedTopicAlreadyExists since", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, admin := internalTopicCluster(t)
			if err := c.CreateTopic(lanesSpec.Name, lanesSpec.Partitions, map[string]string{"cleanup.policy": "compact"}); err != nil {
				t.Fatal(err)
			}
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: lanesSpec.Name, Err: kerr.UnknownTopicOrPartition, Count: 1})
			st, err := kafka.EnsureInternalTopic(t.Context(), admin(), lanesSpec)
			if err != nil || st.Created || st.CleanupPolicy != kafka.Compact {
				t.Errorf("state %+v, error %v", st, err)
			}
		})
	})
}
