package configsync_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"mm2/configsync"
	"mm2/topology"
)

func rightLines(f configsync.Features) []string {
	out := []string{}
	for _, r := range configsync.Rights(f) {
		cmd := r.Command("X", "P")
		out = append(out, string(r.Cluster)+strings.TrimPrefix(cmd, "kafka-acls.sh --bootstrap-server X --add --allow-principal P"))
	}
	return out
}

func TestRights(t *testing.T) {
	all := topology.NewDefaultPolicy("", "")
	tests := []struct {
		name     string
		features configsync.Features
		want     []string
	}{
		{
			name: "copying alone", features: configsync.Features{Flow: flowAB(t, all, "orders.*", `users\.v1`)},
			want: []string{
				"A --topic heartbeats --operation Read --operation Describe --operation DescribeConfigs",
				"A --resource-pattern-type prefixed --topic orders --operation Read --operation Describe --operation DescribeConfigs",
				"A --topic users.v1 --operation Read --operation Describe --operation DescribeConfigs",
				"B --resource-pattern-type prefixed --topic A. --operation Read --operation Write --operation Create --operation Alter --operation Describe --operation DescribeConfigs",
				"B --topic mm2-lanes.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-owned.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --group 'mm2-A->B' --operation Read",
				"B --cluster --operation Alter",
				"B --resource-pattern-type prefixed --transactional-id mm2-A-B- --operation Write --operation Describe",
			},
		},
		{
			name: "heartbeats only", features: configsync.Features{Flow: topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: all}, Heartbeats: true, Seed: true},
			want: []string{
				"A --topic heartbeats --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic heartbeats --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-lanes.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --group 'mm2-A->B' --operation Read",
				"B --resource-pattern-type prefixed --transactional-id mm2-A-B- --operation Write --operation Describe",
			},
		},
		{
			name: "everything, names kept", features: configsync.Features{
				Flow: flowAB(t, topology.NewIdentityPolicy("A", "", ""), ".*"), AtLeastOnce: true, Segments: true, OffsetSyncsOnSource: true, Checkpoints: true,
				Groups: filter(t, ".*"), TailGroups: true, SyncGroups: true, JavaOffsets: "mm2-offsets.A.internal", JavaGroup: "A-mm2", DeadLetter: "mm2-dead-letter.A.internal",
				EmptyPartitions: true, Configs: true, ACLs: true, ReverseACLs: true, DeleteTopics: true,
			},
			want: []string{
				"A --topic '*' --operation Read --operation Describe --operation DescribeConfigs",
				"A --topic __consumer_offsets --operation Read --operation Describe",
				"A --topic mm2-offset-syncs.B.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"A --topic mm2-owned.B.internal --operation Read --operation Describe",
				"A --group '*' --operation Describe",
				"A --cluster --operation Describe",
				"B --topic '*' --operation Read --operation Write --operation Create --operation Delete --operation Alter --operation Describe --operation DescribeConfigs --operation AlterConfigs",
				"B --topic A.checkpoints.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-dead-letter.A.internal --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-lanes.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-offsets.A.internal --operation Read --operation Write --operation Describe --operation DescribeConfigs --operation AlterConfigs",
				"B --topic mm2-owned.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --topic mm2-segments.A.internal --operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs",
				"B --group '*' --operation Read --operation Describe",
				"B --group A-mm2 --operation Describe",
				"B --group 'mm2-A->B' --operation Read",
				"B --cluster --operation Alter --operation Describe",
				"B --resource-pattern-type prefixed --transactional-id A-mm2- --operation Write --operation Describe",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, rightLines(tt.features)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The rights that are listed are enough: a user who has them, and nothing else,
// keeps a target in step.
func TestRightsAreEnough(t *testing.T) {
	features := configsync.Features{Flow: flowAB(t, topology.NewDefaultPolicy("", ""), "orders.*", "users"), Configs: true, ACLs: true, DeleteTopics: true}
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t}
		r.source, r.target = r.guarded(9093, features, "A"), r.guarded(9094, features, "B")
		r.create(r.source, "orders", 2, map[string]string{"retention.ms": "1000"})
		r.create(r.source, "orders.old", 1, nil)
		r.create(r.source, "users", 3, nil)
		r.create(r.source, "secret", 1, nil)
		r.create(r.target, "A.users", 1, map[string]string{"retention.ms": "7"})
		r.user = "admin"
		r.addACLs(r.source, parseACL(t, "ALLOW READ TOPIC LITERAL orders User:app"))
		r.user = "mm2"
		w := r.worker(func(c *configsync.SyncerConfig) { c.Rules.DeleteTopics = true })
		r.start(w)
		wait(t, time.Second)
		if err := r.source.DeleteTopic("orders.old"); err != nil {
			t.Fatal(err)
		}
		wait(t, 2*time.Minute)
		st, _ := w.Status()
		if st.Err != "" || len(st.Problems) != 0 || st.Drift != 0 {
			t.Errorf("status %+v\n%s", st, &r.log)
		}
		if r.target.TopicInfo("A.orders.old") != nil || r.target.TopicInfo("A.secret") != nil || len(r.configs("A.users")) != 0 {
			t.Error("the target is not in step")
		}
		r.user = "admin"
		if acls := r.acls(r.target); !slices.Contains(acls, "ALLOW READ on TOPIC A.orders for User:app from *") {
			t.Errorf("ACLs %v", acls)
		}
	})
}

// guarded is a cluster on which mm2 has only the rights that are listed.
func (r *rig) guarded(port int, f configsync.Features, alias topology.Alias) *kfake.Cluster {
	r.t.Helper()
	var acls []kfake.ACL
	for _, right := range configsync.Rights(f) {
		for _, op := range right.Operations {
			if right.Cluster == alias {
				acls = append(acls, kfake.ACL{Resource: right.Resource, Name: right.Name, Pattern: right.Pattern, Operation: op, Allow: true})
			}
		}
	}
	return r.cluster(port, 1, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "mm2", "mm2", acls...))
}
