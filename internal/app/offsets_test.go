package app_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// shifted is an offset map in which the copy is shift offsets further, up to
// source offset 10.
type shifted struct {
	topic, copy string
	shift       int64
}

func (s shifted) Open(_ context.Context, flow config.Flow, _, _ *kafka.Dialer) (checkpoint.Translator, error) {
	if flow.ID == (topology.FlowID{Source: "B", Target: "A"}) {
		s.copy = "B.orders"
	}
	return s, nil
}

func (s shifted) Forward(p pipeline.Partition, offset int64) checkpoint.Translation {
	return checkpoint.Translation{
		Target: pipeline.Partition{Topic: s.copy, Partition: p.Partition}, Offset: min(offset, 10) + s.shift, Exact: offset <= 10, Known: p.Topic == s.topic,
	}
}

func (s shifted) Backward(p pipeline.Partition, offset int64) checkpoint.Translation {
	return checkpoint.Translation{
		Target: pipeline.Partition{Topic: s.topic, Partition: p.Partition}, Offset: offset - s.shift, Exact: true, Known: p.Topic == s.copy,
	}
}

func TestTranslateOffsets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		cfg := load(t, meshTOML)
		opts := app.Options{ClientOpts: []kgo.Opt{kgo.Dialer(m.net.DialContext)}}
		commit := func(c *mm2test.Cluster, topic string, offset int64) {
			t.Helper()
			adm := kadm.NewClient(c.Client(t))
			_, _ = adm.CreateTopic(t.Context(), 1, 1, nil, topic) // it may be there
			offsets := kadm.Offsets{}
			offsets.Add(kadm.Offset{Topic: topic, At: offset})
			if err := adm.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
				t.Fatal(err)
			}
		}
		commit(m.a, "orders", 7)
		commit(m.a, "B.orders", 25)
		commit(m.a, "payments", 3)
		commit(m.b, "A.orders", 26)
		maps := shifted{topic: "orders", copy: "A.orders", shift: 20}

		translate := func(from, to topology.Alias, group string) ([]app.TranslatedOffset, error) {
			return app.TranslateOffsets(t.Context(), cfg, opts, topology.FlowID{Source: from, Target: to}, group, maps)
		}
		got, err := translate("A", "B", "g")
		if err != nil {
			t.Fatal(err)
		}
		want := []app.TranslatedOffset{
			{Topic: "B.orders", Offset: 25, Translated: true, TargetTopic: "orders", TargetOffset: 5, Exact: true},
			{Topic: "orders", Offset: 7, Translated: true, TargetTopic: "A.orders", TargetOffset: 27, Exact: true, Committed: new(int64(26))},
			{Topic: "payments", Offset: 3, TargetOffset: -1, Note: "no copy that B->A made, and not copied to B either"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("A->B (-want +got):\n%s", diff)
		}

		// Going home: what the group read of the copies is mapped back.
		got, err = translate("B", "A", "g")
		if err != nil {
			t.Fatal(err)
		}
		want = []app.TranslatedOffset{
			{Topic: "A.orders", Offset: 26, Translated: true, TargetTopic: "orders", TargetOffset: 6, Exact: true, Committed: new(int64(7))},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("B->A (-want +got):\n%s", diff)
		}

		for _, tt := range []struct {
			from, to topology.Alias
			group    string
			want     string
		}{
			{"A", "B", "nobody", `group "nobody" has no positions on cluster A: check the name of the group, and the direction`},
			{"B", "C", "g", "copies nothing between B and C, so nothing can be translated; its flows are: A->B, A->C, B->A"},
		} {
			if _, err := translate(tt.from, tt.to, tt.group); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s->%s: %v, want %s", tt.from, tt.to, err, tt.want)
			}
		}
	})
}
