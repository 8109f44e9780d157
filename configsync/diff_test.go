package configsync_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/topology"
)

func id(n int) (id kadm.TopicID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// own is a config that was set on the topic, def one that was not.
func own(key, value string) configsync.Entry {
	return configsync.Entry{Key: key, Value: value, Explicit: true}
}
func def(key, value string) configsync.Entry { return configsync.Entry{Key: key, Value: value} }

func TestDiffConfigs(t *testing.T) {
	tests := []struct {
		name   string
		from   configsync.DefaultsFrom
		source []configsync.Entry
		target []configsync.Entry
		want   []string
	}{
		{name: "nothing to do", source: []configsync.Entry{own("a", "1"), def("b", "2")}, target: []configsync.Entry{own("a", "1"), def("b", "3")}},
		{
			name: "set where the target has a default", source: []configsync.Entry{own("a", "1")}, target: []configsync.Entry{def("a", "1")},
			want: []string{"set config of topic A.t: a=1 (now 1 by default)"},
		},
		{
			name: "a foreign change is put back", source: []configsync.Entry{own("a", "1")}, target: []configsync.Entry{own("a", "2")},
			want: []string{"set config of topic A.t: a=1 (now 2)"},
		},
		{
			name: "a key that the target does not show", source: []configsync.Entry{own("a", "1")},
			target: []configsync.Entry{}, want: []string{"set config of topic A.t: a=1 (not there now)"},
		},
		{
			name: "an override that the source does not have", source: []configsync.Entry{def("a", "1")}, target: []configsync.Entry{own("a", "2")},
			want: []string{"delete config of topic A.t: a (now 2)"},
		},
		{
			name: "defaults of the source", from: configsync.FromSource,
			source: []configsync.Entry{def("a", "1"), def("b", "1"), def("c", "1"), def("d", "1")},
			target: []configsync.Entry{own("a", "2"), def("b", "2"), def("c", "1")},
			want:   []string{"set config of topic A.t: a=1 (now 2)", "set config of topic A.t: b=1 (now 2 by default)"},
		},
		{name: "excluded keys", source: []configsync.Entry{own("min.insync.replicas", "1")}, target: []configsync.Entry{own("min.insync.replicas", "2")}},
		{
			name: "what cannot be seen or changed", source: []configsync.Entry{
				{Key: "a", Explicit: true, Hidden: true}, {Key: "b", Value: "1", Static: true}, own("c", "1"),
			},
			target: []configsync.Entry{own("a", "2"), own("b", "2"), {Key: "c", Explicit: true, Hidden: true}},
		},
		{name: "an override that only the target knows", source: []configsync.Entry{def("a", "1")}, target: []configsync.Entry{own("vendor.x", "1")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := side("A", map[string]configsync.TopicState{"t": {Partitions: 1, Configs: tt.source}})
			target := side("B", map[string]configsync.TopicState{"A.t": {Partitions: 1, Configs: tt.target}})
			rules := configsync.Rules{
				Flow: flowAB(t, topology.NewDefaultPolicy("", ""), "t"), Exclude: filter(t, `min\.insync\.replicas`), DefaultsFrom: tt.from, Configs: true,
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), lines(configsync.Diff(source, target, rules), configsync.ChangeKinds()...)); diff != "" {
				t.Error(diff)
			}
			rules.Configs = false
			if plan := configsync.Diff(source, target, rules); !plan.Empty() {
				t.Errorf("switched off: %v", plan.Changes)
			}
		})
	}
}

func TestDiffTopics(t *testing.T) {
	long := strings.Repeat("x", 248)
	tests := []struct {
		name           string
		source, target map[string]configsync.TopicState
		unseen         string
		want, problems []string
	}{
		{
			name:   "absent, short, long, foreign",
			source: map[string]configsync.TopicState{"a": {Partitions: 1, Configs: []configsync.Entry{}}, "b": {Partitions: 3}, "c": {Partitions: 3}, "__x": {Partitions: 1}, "in": {Partitions: 1, Internal: true}, "B.a": {Partitions: 1}},
			target: map[string]configsync.TopicState{"A.b": {Partitions: 2}, "A.c": {Partitions: 5}},
			want:   []string{"create topic A.a with 1 partition", "add partitions to topic A.b: 2 to 3"},
			problems: []string{
				"more_partitions: topic A.c has 5 partitions, its source c only 3: partitions are never taken away",
			},
		},
		{name: "configs that may not be read make no copy", source: map[string]configsync.TopicState{"a": {Partitions: 1}}},
		{name: "a topic that may not be looked at is left alone", source: map[string]configsync.TopicState{"a": {Partitions: 1, Configs: []configsync.Entry{}}}, unseen: "A.a"},
		{
			name: "a name that is too long", source: map[string]configsync.TopicState{long: {Partitions: 1, Configs: []configsync.Entry{}}},
			problems: []string{"bad_name: topic " + long + " cannot be copied: its name on cluster B would be A." + long + " with 250 characters; Kafka takes at most 249"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := side("B", tt.target)
			target.Unseen = map[string]bool{tt.unseen: true}
			plan := configsync.Diff(side("A", tt.source), target, configsync.Rules{Flow: flowAB(t, topology.NewDefaultPolicy("", ""), ".*"), Configs: true})
			if diff := cmp.Diff(append([]string{}, tt.want...), lines(plan, configsync.ChangeKinds()...)); diff != "" {
				t.Errorf("changes: %s", diff)
			}
			if diff := cmp.Diff(append([]string{}, tt.problems...), texts(plan)); diff != "" {
				t.Errorf("problems: %s", diff)
			}
		})
	}
}

func TestDiffDeletesOnlyWhatIsGoneForSure(t *testing.T) {
	// All of it holds for a deletion; each case takes one away.
	type world struct {
		source, target configsync.Snapshot
		rules          configsync.Rules
	}
	tests := []struct {
		name string
		edit func(*world)
		want int
	}{
		{"gone twice", func(*world) {}, 1},
		{"not told to", func(w *world) { w.rules.DeleteTopics = false }, 0},
		{"gone once", func(w *world) { w.source.GoneBefore = nil }, 0},
		{"not listed, but not said to be gone either", func(w *world) { w.source.Gone = nil }, 0},
		{"the source was not seen whole", func(w *world) { w.source.Complete = false }, 0},
		{"the source lists nothing", func(w *world) { w.source.Topics = nil }, 0},
		{"another topic of that name", func(w *world) { w.target.Topics["A.old"] = configsync.TopicState{ID: id(8), Partitions: 1} }, 0},
		{"not ours", func(w *world) { w.target.Owned.Topics = nil }, 0},
		{"ours without an id", func(w *world) {
			w.target.Owned.Topics["A.old"] = configsync.OwnedTopic{Source: "old"}
			w.target.Topics["A.old"] = configsync.TopicState{Partitions: 1}
		}, 0},
		{"back again", func(w *world) { w.source.Topics["old"] = configsync.TopicState{Partitions: 1} }, 0},
		{"the copy cannot be looked at", func(w *world) { w.target.Unseen = map[string]bool{"A.old": true} }, 0},
		{"deleted already", func(w *world) { delete(w.target.Topics, "A.old") }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := world{
				source: side("A", map[string]configsync.TopicState{"other": {Partitions: 1}}),
				target: side("B", map[string]configsync.TopicState{"A.other": {Partitions: 1}, "A.old": {ID: id(7), Partitions: 1}}),
				rules:  configsync.Rules{Flow: flowAB(t, topology.NewDefaultPolicy("", ""), ".*"), DeleteTopics: true},
			}
			w.source.Gone, w.source.GoneBefore = map[string]bool{"old": true}, map[string]bool{"old": true}
			w.target.Owned.Topics = map[string]configsync.OwnedTopic{"A.old": {Source: "old", ID: id(7)}}
			tt.edit(&w)
			if got := configsync.Diff(w.source, w.target, w.rules).Of(configsync.DeleteTopic); len(got) != tt.want {
				t.Errorf("deletions %v, want %d", got, tt.want)
			}
		})
	}
}

// applyTo carries out a plan on a snapshot of the target, as brokers would.
func applyTo(target configsync.Snapshot, p configsync.Plan) configsync.Snapshot {
	target.Topics, target.ACLs = maps.Clone(target.Topics), slices.Clone(target.ACLs)
	target.Owned = configsync.Owned{Topics: maps.Clone(target.Owned.Topics), ACLs: maps.Clone(target.Owned.ACLs)}
	set := func(topic string, e configsync.Entry) {
		s := target.Topics[topic]
		s.Configs = append(slices.DeleteFunc(slices.Clone(s.Configs), func(o configsync.Entry) bool { return o.Key == e.Key }), e)
		target.Topics[topic] = s
	}
	for _, c := range p.Changes {
		switch c.Kind {
		case configsync.CreateTopic:
			target.Topics[c.Topic] = configsync.TopicState{ID: id(len(target.Topics) + 1000), Partitions: c.Partitions, Configs: defaults("target")}
			for key, value := range c.Configs {
				set(c.Topic, own(key, value))
			}
		case configsync.AddPartitions:
			s := target.Topics[c.Topic]
			s.Partitions = c.Partitions
			target.Topics[c.Topic] = s
		case configsync.SetConfig:
			set(c.Topic, own(c.Key, *c.Value))
		case configsync.DeleteConfig:
			set(c.Topic, def(c.Key, "target"))
		case configsync.CreateACL:
			target.ACLs = append(target.ACLs, *c.ACL)
			target.Owned.ACLs[*c.ACL] = true
		case configsync.DeleteACL:
			target.ACLs = slices.DeleteFunc(target.ACLs, func(a configsync.ACL) bool { return a == *c.ACL })
			delete(target.Owned.ACLs, *c.ACL)
		case configsync.DeleteTopic:
			delete(target.Topics, c.Topic)
			delete(target.Owned.Topics, c.Topic)
		}
	}
	return target
}

var keys = []string{"a", "b", "c", "min.insync.replicas"}

// defaults are all keys as a cluster describes a topic that sets none.
func defaults(value string) (out []configsync.Entry) {
	for _, k := range keys {
		out = append(out, def(k, value))
	}
	return out
}

// A target on which a plan was carried out needs no other, whatever both sides
// look like; what is excluded, and what others own, is as it was.
func TestAnAppliedPlanLeavesNothingToDo(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		rules := configsync.Rules{
			Flow: flowAB(t, topology.NewDefaultPolicy("", ""), "t.*"), Exclude: filter(t, `min\.insync\.replicas`), Configs: true,
			DeleteTopics: rng.IntN(2) == 0, ACLs: []configsync.ACLMode{configsync.ACLsOff, configsync.ACLsJava, configsync.ACLsExact}[rng.IntN(3)],
			DefaultsFrom: []configsync.DefaultsFrom{configsync.FromTarget, configsync.FromSource}[rng.IntN(2)],
		}
		if rng.IntN(3) == 0 {
			rules.Flow.Policy = topology.NewIdentityPolicy("A", "", "")
		}
		source, target := randomSides(rng, rules)
		plan := configsync.Diff(source, target, rules)
		again := configsync.Diff(source, target, rules)
		if diff := cmp.Diff(plan.Changes, again.Changes); diff != "" {
			t.Fatalf("seed %d: not stable: %s", seed, diff)
		}
		for _, c := range plan.Changes {
			if c.Key == "min.insync.replicas" || c.Configs["min.insync.replicas"] != "" {
				t.Fatalf("seed %d: touches what is excluded: %v", seed, c)
			}
			if c.Kind == configsync.DeleteACL && !target.Owned.ACLs[*c.ACL] {
				t.Fatalf("seed %d: deletes an ACL of others: %v", seed, c)
			}
			if c.Kind == configsync.AddPartitions && c.Partitions <= target.Topics[c.Topic].Partitions {
				t.Fatalf("seed %d: shrinks: %v", seed, c)
			}
		}
		if next := configsync.Diff(source, applyTo(target, plan), rules); !next.Empty() {
			t.Fatalf("seed %d: after %v\nthere is still %v", seed, plan.Changes, next.Changes)
		}
	}
}

func randomSides(rng *rand.Rand, rules configsync.Rules) (source, target configsync.Snapshot) {
	source, target = side("A", map[string]configsync.TopicState{}), side("B", map[string]configsync.TopicState{})
	source.Complete = rng.IntN(4) > 0
	source.Gone, source.GoneBefore = map[string]bool{}, map[string]bool{}
	target.Owned = configsync.Owned{Topics: map[string]configsync.OwnedTopic{}, ACLs: map[configsync.ACL]bool{}}
	configs := func(value string) []configsync.Entry {
		out := defaults(value)
		for i := range out {
			switch rng.IntN(8) {
			case 0, 1, 2:
				out[i] = own(out[i].Key, fmt.Sprint(rng.IntN(3)))
			case 3:
				out[i].Hidden = true
			case 4:
				out[i].Static = true
			}
		}
		if rng.IntN(10) == 0 {
			return nil
		}
		return out
	}
	for i := range 6 {
		name := fmt.Sprintf("t%d", i)
		remote := rules.Flow.RemoteTopic(name)
		if rng.IntN(4) > 0 {
			source.Topics[name] = configsync.TopicState{ID: id(i), Partitions: 1 + rng.IntN(3), Configs: configs("source")}
		} else {
			source.Gone[name], source.GoneBefore[name] = rng.IntN(2) == 0, rng.IntN(2) == 0
		}
		if rng.IntN(2) == 0 {
			target.Topics[remote] = configsync.TopicState{ID: id(100 + i), Partitions: 1 + rng.IntN(3), Configs: configs("target")}
		}
		if rng.IntN(2) == 0 {
			target.Owned.Topics[remote] = configsync.OwnedTopic{Source: name, ID: id(100 + i + rng.IntN(2))}
		}
	}
	source.ACLs, target.ACLs = randomACLs(rng, ""), randomACLs(rng, rules.Flow.RemoteTopic(""))
	for _, a := range append(randomACLs(rng, rules.Flow.RemoteTopic("")), target.ACLs...) {
		if rng.IntN(2) == 0 {
			target.Owned.ACLs[a] = true
		}
	}
	return source, target
}

func randomACLs(rng *rand.Rand, prefix string) (out []configsync.ACL) {
	for range rng.IntN(8) {
		a := configsync.ACL{
			Resource: []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeTransactionalId}[rng.IntN(4)],
			Pattern:  []kmsg.ACLResourcePatternType{kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed}[rng.IntN(2)],
			Name:     prefix + fmt.Sprintf("t%d", rng.IntN(3)), Principal: fmt.Sprintf("User:%d", rng.IntN(2)), Host: "*",
			Operation:  []kmsg.ACLOperation{kmsg.ACLOperationAll, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete}[rng.IntN(4)],
			Permission: []kmsg.ACLPermissionType{kmsg.ACLPermissionTypeAllow, kmsg.ACLPermissionTypeDeny}[rng.IntN(2)],
		}
		if rng.IntN(6) == 0 {
			a.Name, a.Pattern = "*", kmsg.ACLResourcePatternTypeLiteral
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
