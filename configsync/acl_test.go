package configsync_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/topology"
)

// parseACL reads "ALLOW READ TOPIC LITERAL orders User:app".
func parseACL(t testing.TB, text string) configsync.ACL {
	t.Helper()
	f := strings.Fields(text)
	if len(f) != 6 {
		t.Fatalf("ACL %q", text)
	}
	a := configsync.ACL{Name: f[4], Principal: f[5], Host: "*"}
	var errs [4]error
	a.Permission, errs[0] = kmsg.ParseACLPermissionType(f[0])
	a.Operation, errs[1] = kmsg.ParseACLOperation(f[1])
	a.Resource, errs[2] = kmsg.ParseACLResourceType(f[2])
	a.Pattern, errs[3] = kmsg.ParseACLResourcePatternType(f[3])
	for _, err := range errs {
		if err != nil {
			t.Fatalf("ACL %q: %v", text, err)
		}
	}
	return a
}

func parseACLs(t testing.TB, texts ...string) []configsync.ACL {
	t.Helper()
	acls := make([]configsync.ACL, len(texts))
	for i, text := range texts {
		acls[i] = parseACL(t, text)
	}
	return acls
}

// flowAB copies the given patterns from A to B.
func flowAB(t testing.TB, policy topology.Policy, patterns ...string) topology.Flow {
	t.Helper()
	return topology.Flow{
		ID: topology.FlowID{Source: "A", Target: "B"}, Policy: policy, Topics: filter(t, patterns...), Copy: true, ReplicateHeartbeats: true,
	}
}

func lines(p configsync.Plan, kinds ...configsync.ChangeKind) []string {
	out := []string{}
	for _, c := range p.Of(kinds...) {
		out = append(out, c.String())
	}
	return out
}

func texts(p configsync.Plan) []string {
	out := []string{}
	for _, problem := range p.Problems {
		out = append(out, string(problem.Kind)+": "+problem.Text)
	}
	return out
}

func side(cluster topology.Alias, topics map[string]configsync.TopicState, acls ...configsync.ACL) configsync.Snapshot {
	return configsync.Snapshot{Cluster: cluster, Topics: topics, ACLs: acls, Authorizer: configsync.ACLsKnown, Complete: true}
}

func TestDiffACLs(t *testing.T) {
	standard, identity := topology.NewDefaultPolicy("", ""), topology.NewIdentityPolicy("A", "", "")
	orders := map[string]configsync.TopicState{"orders": {Partitions: 1}}
	tests := []struct {
		name           string
		policy         topology.Policy
		mode           configsync.ACLMode
		source, target []string
		owned, reverse []string
		want, problems []string
	}{
		{
			name: "what Java copies", policy: standard, mode: configsync.ACLsJava,
			source: []string{
				"ALLOW READ TOPIC LITERAL orders User:app", "ALLOW DESCRIBE TOPIC LITERAL orders User:app",
				"ALLOW WRITE TOPIC LITERAL orders User:app", "ALLOW ALL TOPIC LITERAL orders User:boss",
				"DENY WRITE TOPIC LITERAL orders User:thief", "DENY ALL TOPIC LITERAL orders User:thief",
				"ALLOW DELETE TOPIC LITERAL orders User:boss", "ALLOW READ TOPIC PREFIXED ord User:app",
				"ALLOW READ TOPIC LITERAL other User:app", "ALLOW READ TOPIC LITERAL B.orders User:app",
				"ALLOW READ GROUP LITERAL g User:app", "ALLOW WRITE TRANSACTIONAL_ID LITERAL t User:app", "ALLOW ALTER CLUSTER LITERAL kafka-cluster User:boss",
			},
			want: []string{
				"create ACL: ALLOW DELETE on TOPIC A.orders for User:boss from *",
				"create ACL: ALLOW DESCRIBE on TOPIC A.orders for User:app from *",
				"create ACL: ALLOW READ on TOPIC A.orders for User:app from *",
				"create ACL: ALLOW READ on TOPIC A.orders for User:boss from *",
				"create ACL: DENY ALL on TOPIC A.orders for User:thief from *",
				"create ACL: DENY WRITE on TOPIC A.orders for User:thief from *",
			},
		},
		{
			name: "for topics that are not there yet, as Java", policy: standard, mode: configsync.ACLsJava,
			source: []string{"ALLOW READ TOPIC LITERAL orders.new User:app"},
			want:   []string{"create ACL: ALLOW READ on TOPIC A.orders.new for User:app from *"},
		},
		{
			name: "a wildcard is neither mangled nor granted", policy: standard, mode: configsync.ACLsJava,
			source: []string{"ALLOW READ TOPIC LITERAL * User:app"},
			problems: []string{"uncopied_acl: not copied: ALLOW READ on TOPIC * for User:app from * of cluster A: " +
				"it is about every topic of the source, and the target has topics of its own"},
		},
		{
			name: "a wildcard under the identity policy", policy: identity, mode: configsync.ACLsExact,
			source: []string{"ALLOW ALL TOPIC LITERAL * User:app"},
			problems: []string{"uncopied_acl: not copied: ALLOW ALL on TOPIC * for User:app from * of cluster A: " +
				"it is about every topic of the source, and the target has topics of its own"},
		},
		{
			name: "a DENY that Java forgets is told", policy: standard, mode: configsync.ACLsJava,
			source:   []string{"DENY READ TOPIC PREFIXED ord User:app", "DENY READ TOPIC PREFIXED zzz User:app"},
			problems: []string{"uncopied_acl: not copied: DENY READ on TOPIC ord (prefix) for User:app from * of cluster A: acl_mode java copies no prefixed ACLs"},
		},
		{
			name: "nothing that is there", policy: standard, mode: configsync.ACLsJava,
			source: []string{"ALLOW READ TOPIC LITERAL orders User:app"}, target: []string{"ALLOW READ TOPIC LITERAL A.orders User:app"},
		},
		{
			name: "exact", policy: standard, mode: configsync.ACLsExact,
			source: []string{
				"ALLOW WRITE TOPIC LITERAL orders User:app", "ALLOW ALL TOPIC PREFIXED ord User:boss", "ALLOW READ TOPIC PREFIXED zzz User:boss",
				"ALLOW READ GROUP PREFIXED g User:app", "ALLOW READ GROUP LITERAL * User:app", "ALLOW WRITE TRANSACTIONAL_ID LITERAL t User:app",
				"ALLOW READ GROUP LITERAL mm2-A->B User:mm2", "ALLOW ALTER CLUSTER LITERAL kafka-cluster User:boss",
			},
			want: []string{
				"create ACL: ALLOW ALL on TOPIC A.ord (prefix) for User:boss from *",
				"create ACL: ALLOW READ on GROUP * for User:app from *",
				"create ACL: ALLOW READ on GROUP g (prefix) for User:app from *",
				"create ACL: ALLOW WRITE on TOPIC A.orders for User:app from *",
				"create ACL: ALLOW WRITE on TRANSACTIONAL_ID t for User:app from *",
			},
		},
		{
			name: "exact under the identity policy", policy: identity, mode: configsync.ACLsExact,
			source: []string{"ALLOW WRITE TOPIC LITERAL orders User:app", "ALLOW ALL TOPIC PREFIXED ord User:boss"},
			want: []string{
				"create ACL: ALLOW ALL on TOPIC ord (prefix) for User:boss from *",
				"create ACL: ALLOW WRITE on TOPIC orders for User:app from *",
			},
		},
		{
			name: "what mm2 made goes with its source", policy: standard, mode: configsync.ACLsJava,
			target: []string{"ALLOW READ TOPIC LITERAL A.orders User:app", "ALLOW READ TOPIC LITERAL A.orders User:other"},
			owned:  []string{"ALLOW READ TOPIC LITERAL A.orders User:app", "ALLOW READ TOPIC LITERAL A.gone User:app"},
			want:   []string{"delete ACL: ALLOW READ on TOPIC A.orders for User:app from *"},
		},
		{
			name: "what mm2 made stays when its topic is no longer copied", policy: standard, mode: configsync.ACLsJava,
			source: []string{"ALLOW READ TOPIC LITERAL payments User:app"},
			target: []string{"ALLOW READ TOPIC LITERAL A.payments User:app"}, owned: []string{"ALLOW READ TOPIC LITERAL A.payments User:app"},
		},
		{
			name: "what mm2 made and somebody took away comes back", policy: standard, mode: configsync.ACLsJava,
			source: []string{"ALLOW READ TOPIC LITERAL orders User:app"}, owned: []string{"ALLOW READ TOPIC LITERAL A.orders User:app"},
			want: []string{"create ACL: ALLOW READ on TOPIC A.orders for User:app from *"},
		},
		{
			name: "what the other side brought is not carried back", policy: identity, mode: configsync.ACLsExact,
			source: []string{"ALLOW READ GROUP LITERAL g User:app", "ALLOW READ TOPIC LITERAL orders User:app"}, reverse: []string{"ALLOW READ GROUP LITERAL g User:app"},
			want: []string{"create ACL: ALLOW READ on TOPIC orders for User:app from *"},
		},
		{
			name: "off", policy: standard, mode: configsync.ACLsOff,
			source: []string{"ALLOW READ TOPIC LITERAL orders User:app"}, owned: []string{"ALLOW READ TOPIC LITERAL A.x User:app"}, target: []string{"ALLOW READ TOPIC LITERAL A.x User:app"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := side("A", orders, parseACLs(t, tt.source...)...)
			source.Owned.ACLs = map[configsync.ACL]bool{}
			for _, a := range parseACLs(t, tt.reverse...) {
				source.Owned.ACLs[a] = true
			}
			target := side("B", map[string]configsync.TopicState{"A.orders": {Partitions: 1}, "orders": {Partitions: 1}}, parseACLs(t, tt.target...)...)
			target.Owned.ACLs = map[configsync.ACL]bool{}
			for _, a := range parseACLs(t, tt.owned...) {
				target.Owned.ACLs[a] = true
			}
			rules := configsync.Rules{Flow: flowAB(t, tt.policy, "orders.*"), ACLs: tt.mode}
			plan := configsync.Diff(source, target, rules)
			if diff := cmp.Diff(append([]string{}, tt.want...), lines(plan, configsync.ChangeKinds()...)); diff != "" {
				t.Errorf("changes: %s", diff)
			}
			if diff := cmp.Diff(append([]string{}, tt.problems...), texts(plan)); diff != "" {
				t.Errorf("problems: %s", diff)
			}
		})
	}
}

// An unknown or absent authorizer leaves ACLs alone on both sides.
func TestDiffWithoutAuthorizerTouchesNoACL(t *testing.T) {
	for name, authorizers := range map[string][2]configsync.Authorizer{
		"none on the source":  {configsync.NoAuthorizer, configsync.ACLsKnown},
		"none on the target":  {configsync.ACLsKnown, configsync.NoAuthorizer},
		"source unknown":      {configsync.ACLsUnknown, configsync.ACLsKnown},
		"target unknown":      {configsync.ACLsKnown, configsync.ACLsUnknown},
		"none on both of all": {configsync.NoAuthorizer, configsync.NoAuthorizer},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := side("A", nil), side("B", nil)
			if authorizers[0] == configsync.ACLsKnown {
				source.ACLs = parseACLs(t, "ALLOW READ TOPIC LITERAL orders User:app")
			}
			source.Authorizer, target.Authorizer = authorizers[0], authorizers[1]
			owned := parseACL(t, "ALLOW READ TOPIC LITERAL A.old User:app")
			target.ACLs, target.Owned.ACLs = []configsync.ACL{owned}, map[configsync.ACL]bool{owned: true}
			plan := configsync.Diff(source, target, configsync.Rules{Flow: flowAB(t, topology.NewDefaultPolicy("", ""), "orders"), ACLs: configsync.ACLsJava})
			if !plan.Empty() {
				t.Errorf("changes %v", plan.Changes)
			}
			for _, p := range plan.Problems {
				if p.Kind != configsync.NoACLs || !p.Harmless() {
					t.Errorf("problem %+v", p)
				}
			}
		})
	}
}

func TestChangeJSONIsStable(t *testing.T) {
	acl := parseACL(t, "ALLOW READ TOPIC LITERAL orders User:app")
	source := side("A", map[string]configsync.TopicState{
		"orders": {Partitions: 4, Configs: []configsync.Entry{{Key: "retention.ms", Value: "1", Explicit: true}, {Key: "segment.ms", Value: "9"}}},
		"users":  {Partitions: 2, Configs: []configsync.Entry{{Key: "cleanup.policy", Value: "compact", Explicit: true}}},
	}, acl)
	target := side("B", map[string]configsync.TopicState{
		"A.orders": {Partitions: 2, Configs: []configsync.Entry{{Key: "retention.ms", Value: "2"}, {Key: "segment.ms", Value: "3", Explicit: true}}},
	})
	plan := configsync.Diff(source, target, configsync.Rules{
		Flow: flowAB(t, topology.NewDefaultPolicy("", ""), "orders", "users"), Configs: true, ACLs: configsync.ACLsJava,
	})
	got, err := json.MarshalIndent(plan, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "changes": [
  {
   "change": "create_topic",
   "topic": "A.users",
   "source_topic": "users",
   "partitions": 2,
   "configs": {
    "cleanup.policy": "compact"
   }
  },
  {
   "change": "add_partitions",
   "topic": "A.orders",
   "source_topic": "orders",
   "partitions": 4,
   "partitions_now": 2
  },
  {
   "change": "set_config",
   "topic": "A.orders",
   "source_topic": "orders",
   "key": "retention.ms",
   "value": "1",
   "value_now": "2"
  },
  {
   "change": "delete_config",
   "topic": "A.orders",
   "source_topic": "orders",
   "key": "segment.ms",
   "value_now": "3"
  },
  {
   "change": "create_acl",
   "acl": {
    "resource": "TOPIC",
    "pattern": "LITERAL",
    "name": "A.orders",
    "principal": "User:app",
    "host": "*",
    "operation": "READ",
    "permission": "ALLOW"
   }
  }
 ],
 "problems": []
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	wantLines := []string{
		"create topic A.users with 2 partitions, cleanup.policy=compact",
		"add partitions to topic A.orders: 2 to 4",
		"set config of topic A.orders: retention.ms=1 (now 2 by default)",
		"delete config of topic A.orders: segment.ms (now 3)",
		"create ACL: ALLOW READ on TOPIC A.orders for User:app from *",
	}
	if diff := cmp.Diff(wantLines, lines(plan, configsync.ChangeKinds()...)); diff != "" {
		t.Error(diff)
	}
}
