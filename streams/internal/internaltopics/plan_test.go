package internaltopics_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/internal/internaltopics"
)

func TestPlanCountsAndTasks(t *testing.T) {
	plan, err := internaltopics.Request{
		UserTopics: map[string]int32{"orders": 3, "clicks": 8, "users": 5},
		Repartition: []internaltopics.Repartition{
			{Name: "r2", Upstream: []string{"r1", "orders"}}, // before what it needs
			{Name: "r1", Upstream: []string{"orders", "clicks"}},
			{Name: "r3", Enforced: 6, Upstream: []string{"clicks"}},
			{Name: "joined", Upstream: []string{"clicks"}},
			{Name: "after", Upstream: []string{"late"}},
			{Name: "late", Upstream: nil}, // its count is the group's
			{Name: "follows", Upstream: []string{"orders"}},
		},
		Groups: []internaltopics.Group{
			{Topics: []string{"joined", "users"}},
			{Topics: []string{"late", "joined"}},
			{Topics: []string{"follows", "r3"}},
		},
		Subtopologies: []internaltopics.Subtopology{
			{ID: 0, Sources: []string{"orders", "clicks"}}, {ID: 1, Sources: []string{"r1", "r2"}}, {ID: 4, Sources: []string{"joined", "users"}},
		},
		Changelogs: []internaltopics.Changelog{{Name: "store", Subtopology: 4}},
		Defaults:   internaltopics.Defaults{ReplicationFactor: -1},
	}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int32{
		"orders": 3, "clicks": 8, "users": 5, "r1": 8, "r2": 8, "r3": 6, "joined": 5, "late": 5, "after": 5, "follows": 6, "store": 5,
	}
	if diff := cmp.Diff(want, plan.Partitions); diff != "" {
		t.Errorf("partitions (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[int]int32{0: 8, 1: 8, 4: 5}, plan.Tasks); diff != "" {
		t.Errorf("tasks (-want +got)\n%s", diff)
	}
}

func TestPlanRefusesBrokenRequests(t *testing.T) {
	tests := []struct {
		name    string
		request internaltopics.Request
		want    string
	}{
		{
			"circle", internaltopics.Request{Repartition: []internaltopics.Repartition{
				{Name: "a", Upstream: []string{"b"}}, {Name: "b", Upstream: []string{"a"}},
			}}, "work out the partition count of a, b",
		},
		{"nothing upstream", internaltopics.Request{Repartition: []internaltopics.Repartition{{Name: "a"}}}, "partition count of a"},
		{"no tasks", internaltopics.Request{Changelogs: []internaltopics.Changelog{{Name: "c", Subtopology: 7}}}, "sub-topology 7 has no tasks"},
		{"illegal name", internaltopics.Request{Repartition: []internaltopics.Repartition{{Name: "a b", Enforced: 1}}}, `has the character ' '`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.request.Plan(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// Whatever the request, a plan that is made keeps enforced counts and gives
// each group one count.
func TestPlanKeepsItsPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		r := internaltopics.Request{UserTopics: map[string]int32{"u0": 1 + rng.Int32N(2), "u1": 1 + rng.Int32N(2)}}
		pick := func(repartition int) string {
			n := rng.IntN(2 + repartition)
			if n < 2 {
				return fmt.Sprintf("u%d", n)
			}
			return fmt.Sprintf("r%d", n-2)
		}
		n := 1 + rng.IntN(5)
		for i := range n {
			topic := internaltopics.Repartition{Name: fmt.Sprintf("r%d", i), Upstream: []string{pick(i), pick(i)}}
			if rng.IntN(4) == 0 {
				topic.Enforced = 1 + rng.Int32N(2)
			}
			r.Repartition = append(r.Repartition, topic)
		}
		for range rng.IntN(4) {
			r.Groups = append(r.Groups, internaltopics.Group{Topics: []string{pick(n), pick(n)}})
		}
		plan, err := r.Plan()
		if err != nil {
			continue
		}
		for _, topic := range r.Repartition {
			if got := plan.Partitions[topic.Name]; got < 1 || topic.Enforced > 0 && got != topic.Enforced {
				t.Fatalf("%s has %d partitions: %+v", topic.Name, got, r)
			}
		}
		for _, g := range r.Groups {
			if plan.Partitions[g.Topics[0]] != plan.Partitions[g.Topics[1]] {
				t.Fatalf("group %v is unequal: %+v: %v", g.Topics, r, plan.Partitions)
			}
		}
	}
}

func TestConfigs(t *testing.T) {
	const hour = time.Hour
	defaults := internaltopics.Defaults{
		ReplicationFactor: 3, WindowExtraRetention: 24 * hour,
		Configs: map[string]string{"segment.bytes": "7", "min.insync.replicas": "2", "retention.ms": "5"},
	}
	tests := []struct {
		name      string
		topic     internaltopics.Repartition
		changelog internaltopics.Changelog
		defaults  internaltopics.Defaults
		want      map[string]string
	}{
		{
			name: "repartition", topic: internaltopics.Repartition{Name: "r", Enforced: 1},
			want: map[string]string{
				"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800", "message.timestamp.type": "CreateTime",
			},
		},
		{
			name: "repartition, all layers", defaults: defaults,
			topic: internaltopics.Repartition{Name: "r", Enforced: 1, Configs: map[string]string{"segment.bytes": "9", "compression.type": "zstd"}},
			want: map[string]string{
				"cleanup.policy": "delete", "retention.ms": "5", "segment.bytes": "9", "message.timestamp.type": "CreateTime",
				"min.insync.replicas": "2", "compression.type": "zstd",
			},
		},
		{
			name: "key-value", changelog: internaltopics.Changelog{Name: "c"},
			want: map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"},
		},
		{
			name: "key-value, all layers", defaults: defaults,
			changelog: internaltopics.Changelog{Name: "c", Configs: map[string]string{"cleanup.policy": "compact,delete"}},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime",
				"segment.bytes": "7", "min.insync.replicas": "2", "retention.ms": "5",
			},
		},
		{
			name: "window", changelog: internaltopics.Changelog{Name: "c", Kind: internaltopics.Window, Retention: hour},
			defaults: internaltopics.Defaults{WindowExtraRetention: 24 * hour},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "90000000",
			},
		},
		{
			name: "session keeps its retention", defaults: defaults,
			changelog: internaltopics.Changelog{Name: "c", Kind: internaltopics.Session, Retention: hour},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "90000000",
				"segment.bytes": "7", "min.insync.replicas": "2",
			},
		},
		{
			name: "retention given with the store", defaults: defaults,
			changelog: internaltopics.Changelog{
				Name: "c", Kind: internaltopics.Window, Retention: hour, Configs: map[string]string{"retention.ms": "11"},
			},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "11",
				"segment.bytes": "7", "min.insync.replicas": "2",
			},
		},
		{
			name: "retention for ever", defaults: internaltopics.Defaults{WindowExtraRetention: time.Hour},
			changelog: internaltopics.Changelog{Name: "c", Kind: internaltopics.Window, Retention: math.MaxInt64},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "9223372036854775807",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := internaltopics.Request{
				UserTopics: map[string]int32{"u": 2}, Defaults: tt.defaults,
				Subtopologies: []internaltopics.Subtopology{{Sources: []string{"u"}}},
			}
			if tt.topic.Name != "" {
				r.Repartition = append(r.Repartition, tt.topic)
			} else {
				r.Changelogs = append(r.Changelogs, tt.changelog)
			}
			plan, err := r.Plan()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, plan.Topics[0].Configs); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := plan.Topics[0].ReplicationFactor; got != tt.defaults.ReplicationFactor {
				t.Errorf("replication factor %d", got)
			}
		})
	}
}

func TestNames(t *testing.T) {
	if got := internaltopics.RepartitionName("app", "x"); got != "app-x-repartition" {
		t.Error(got)
	}
	if got := internaltopics.RepartitionName("app", "x-repartition"); got != "app-x-repartition" {
		t.Error(got)
	}
	if got := internaltopics.ChangelogName("app", "s"); got != "app-s-changelog" {
		t.Error(got)
	}
	long := strings.Repeat("x", 236) // with "app-" and "-changelog" one too many
	tests := []struct {
		name string
		err  error
		want string // part of it; empty: none
	}{
		{"plain", internaltopics.CheckName("a.B_c-9"), ""},
		{"empty", internaltopics.CheckName(""), "is empty"},
		{"dot", internaltopics.CheckName("."), `cannot be "."`},
		{"dots", internaltopics.CheckName(".."), `cannot be ".."`},
		{"slash", internaltopics.CheckName("a/b"), `has the character '/'`},
		{"not ASCII", internaltopics.CheckName("ä"), `has the character 'ä'`},
		{"longest", internaltopics.CheckName(strings.Repeat("x", 249)), ""},
		{"too long", internaltopics.CheckName(strings.Repeat("x", 250)), "has 250 characters"},
		{"store", internaltopics.CheckStore("app", "s"), ""},
		{"store with a blank", internaltopics.CheckStore("app", "s t"), `store name "s t" has the character ' '`},
		{"longest store", internaltopics.CheckStore("app", long[1:]), ""},
		{"store too long for a changelog", internaltopics.CheckStore("app", long), "shorten the store's name"},
		{"repartition", internaltopics.CheckRepartition("app", "x-repartition"), ""},
		{"repartition with a blank", internaltopics.CheckRepartition("app", "x y"), `repartition name "x y"`},
		{"repartition too long", internaltopics.CheckRepartition("app", long), "shorten the name of the operator"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if (tt.err == nil) != (tt.want == "") || tt.err != nil && !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("got %v, want %q", tt.err, tt.want)
			}
		})
	}
}
