package internaltopics_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/internal/internaltopics"
)

type copartitionCase struct {
	ID          string
	Topics      map[string]*int32
	Repartition map[string]struct {
		Count    *int32
		Enforced bool
	}
	Result map[string]int32
	Error  string
}

func (c copartitionCase) request() internaltopics.Request {
	r := internaltopics.Request{UserTopics: make(map[string]int32)}
	group := internaltopics.Group{Join: "KSTREAM-JOIN-0000000003"}
	for _, name := range slices.Sorted(maps.Keys(c.Topics)) {
		if n := c.Topics[name]; n != nil {
			r.UserTopics[name] = *n
		}
		group.Topics = append(group.Topics, name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Repartition)) {
		topic := internaltopics.Repartition{Name: name}
		switch known := c.Repartition[name]; {
		case known.Count == nil:
		case known.Enforced:
			topic.Enforced = *known.Count
		default: // a count known so far is that of what is upstream
			r.UserTopics["upstream-of-"+name] = *known.Count
			topic.Upstream = []string{"upstream-of-" + name}
		}
		r.Repartition = append(r.Repartition, topic)
		group.Topics = append(group.Topics, name)
	}
	r.Groups = []internaltopics.Group{group}
	return r
}

// The cases are what Kafka Streams 4.3.1 does.
func TestCopartitionAsInJava(t *testing.T) {
	data, err := os.ReadFile("testdata/copartition.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []copartitionCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]error{
		"TopologyException":     internaltopics.ErrNotCopartitioned,
		"IllegalStateException": internaltopics.ErrMissingSourceTopic,
	}
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			plan, err := c.request().Plan()
			if c.Error != "" {
				var typed *internaltopics.Error
				if !errors.Is(err, kinds[c.Error]) || !errors.As(err, &typed) {
					t.Errorf("got %v, want one that is %v", err, kinds[c.Error])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]int32)
			for _, topic := range plan.Topics {
				got[topic.Name] = topic.Partitions
			}
			if diff := cmp.Diff(c.Result, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if len(file.Cases) != 12 {
		t.Errorf("%d cases, want 12", len(file.Cases))
	}
}

func TestErrorText(t *testing.T) {
	const join = "KSTREAM-JOIN-0000000003"
	tests := []struct {
		name    string
		request internaltopics.Request
		want    string
	}{
		{
			"two user topics",
			internaltopics.Request{
				UserTopics: map[string]int32{"orders": 3, "addresses": 4},
				Groups:     []internaltopics.Group{{Topics: []string{"orders", "addresses"}, Join: join}},
			},
			"topology: topics are not co-partitioned: addresses=4, orders=3; join at \"KSTREAM-JOIN-0000000003\".\n" +
				"Give both topics the same partition count, call Repartition on the stream, or join with a GlobalTable.",
		},
		{
			"joined by a common topic",
			internaltopics.Request{
				UserTopics: map[string]int32{"a": 3, "b": 3, "c": 4},
				Groups: []internaltopics.Group{
					{Topics: []string{"a", "b"}, Join: "j1"}, {Topics: []string{"b", "c"}, Join: "j2"},
				},
			},
			"topology: topics are not co-partitioned: a=3, b=3, c=4; joins at \"j1\", \"j2\".\n" +
				"Give both topics the same partition count, call Repartition on the stream, or join with a GlobalTable.",
		},
		{
			"enforced against a user topic",
			internaltopics.Request{
				UserTopics:  map[string]int32{"a": 3},
				Repartition: []internaltopics.Repartition{{Name: "r", Enforced: 4}},
				Groups:      []internaltopics.Group{{Topics: []string{"a", "r"}, Join: "j"}},
			},
			"topology: topics are not co-partitioned: a=3, r=4; a repartition topic was given another count than the 3 of the source topic; join at \"j\".\n" +
				"Ask for 3 partitions, leave the count out, or call Repartition on the other side of the join, too.",
		},
		{
			"enforced against enforced",
			internaltopics.Request{
				Repartition: []internaltopics.Repartition{{Name: "r", Enforced: 4}, {Name: "s", Enforced: 5}},
				Groups:      []internaltopics.Group{{Topics: []string{"s", "r"}, Join: "j"}},
			},
			"topology: topics are not co-partitioned: r=4, s=5; the repartition topics were given different counts; join at \"j\".\n" +
				"Give them the same count, or leave it out.",
		},
		{
			"all that is missing",
			internaltopics.Request{
				UserTopics:    map[string]int32{"a": 3},
				Repartition:   []internaltopics.Repartition{{Name: "r", Upstream: []string{"d"}}},
				Groups:        []internaltopics.Group{{Topics: []string{"a", "c"}}},
				Subtopologies: []internaltopics.Subtopology{{Sources: []string{"a", "b"}}},
			},
			"topology: source topic does not exist: b, c, d.\n" +
				"Create what is missing before the application starts, and check the names and the right to DESCRIBE the topics.",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.request.Plan()
			if err == nil || err.Error() != tt.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, tt.want)
			}
		})
	}
}
