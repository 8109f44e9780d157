package streams_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/internal/graph"
)

func TestJoinTable(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		table := streams.Table[string, string](b, "right")
		streams.JoinTableKV(streams.Stream[string, string](b, "left"), table, func(k, l, r string) string { return k + ":" + l + "+" + r }).To("output")
	}).script(`
		L a=1@1 >
		R a=A@2 >
		L a=2@3 > a=a:2+A@3
		L b=3@3 >
		R a=B@1 >
		L a=4@2 > a=a:4+B@2
		R null=C@4 >
		L null=5@5 >
		L a=null@6 >
		R a=null@7 >
		L a=6@8 >
	`)
}

func TestLeftJoinTable(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		table := streams.Table[string, string](b, "right")
		streams.LeftJoinTableKV(streams.Stream[string, string](b, "left"), table, func(k, l string, r *string) string { return k + ":" + plusLeft(l, r) }).To("output")
	}).script(`
		L a=1@1 > a=a:1+null@1
		R a=A@2 >
		L a=2@3 > a=a:2+A@3
		L null=3@4 > null=:3+null@4
		L null=null@5 >
		R a=null@6 >
		L a=4@5 > a=a:4+null@5
	`)
}

// A joiner that gives nil makes a null value of it.
func TestJoinTableToNull(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		table := streams.Table[string, string](b, "right")
		streams.JoinTable(streams.Stream[string, string](b, "left"), table, func(_, _ string) *string { return nil }).To("output")
	}).script(`
		R a=A@1 >
		L a=1@2 > a=null@2
	`)
}

func byValue(_, v string) string { return v }

func TestJoinTableOfRekeyed(t *testing.T) {
	build := func(join func(s *streams.KStream[string, string], t *streams.KTable[string, string])) *streams.Topology {
		return topologyOf(t, func(b *streams.Builder) {
			s := streams.SelectKey(streams.Stream[string, string](b, "left"), byValue)
			join(s, streams.Table[string, string](b, "right"))
		})
	}
	topics := func(top *streams.Topology) (names []string) {
		for _, r := range top.Graph().Repartitions {
			names = append(names, r.Topic)
		}
		return names
	}
	t.Run("joins without a name share a topic", func(t *testing.T) {
		top := build(func(s *kstream, table *ktable) {
			streams.JoinTable(s, table, plus).To("one")
			streams.JoinTable(s, table, plus).To("two")
		})
		if diff := cmp.Diff([]string{"KSTREAM-KEY-SELECT-0000000001-repartition"}, topics(top)); diff != "" {
			t.Error(diff)
		}
		// The second join uses up the numbers of the nodes that it shares.
		if want := "Processor: KSTREAM-JOIN-0000000013 "; !strings.Contains(top.Describe(), want) {
			t.Errorf("want %q in\n%s", want, top.Describe())
		}
		if diff := cmp.Diff([]string{"KSTREAM-KEY-SELECT-0000000001-repartition", "right-STATE-STORE-0000000002"}, top.GeneratedNames()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("joins with names have their own", func(t *testing.T) {
		top := build(func(s *kstream, table *ktable) {
			streams.JoinTable(s, table, plus, streams.Named("first")).To("one")
			streams.JoinTable(s, table, plus, streams.Named("second")).To("two")
		})
		if diff := cmp.Diff([]string{"first-repartition", "second-repartition"}, topics(top)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the result is placed", func(t *testing.T) {
		top := build(func(s *kstream, table *ktable) {
			streams.JoinTable(s, table, plus).ToTable().ToStream().To("one")
		})
		if n := len(top.Graph().Repartitions); n != 1 {
			t.Errorf("%d repartition topics, want 1", n)
		}
	})
	t.Run("a named stream names its topic", func(t *testing.T) {
		top := topologyOf(t, func(b *streams.Builder) {
			s := streams.SelectKey(streams.Stream[string, string](b, "left"), byValue, streams.Named("by-value"))
			streams.JoinTable(s, streams.Table[string, string](b, "right", streams.Store("t")), plus).To("output")
		})
		if want := "Sink: by-value-repartition-sink (topic: by-value-repartition)"; !strings.Contains(top.Describe(), want) {
			t.Errorf("want %q in\n%s", want, top.Describe())
		}
		if names := top.GeneratedNames(); len(names) > 0 {
			t.Errorf("generated names %q, want none", names)
		}
	})
}

// Null keys pass the shared topic as soon as one of the joins wants them.
func TestNullKeysThroughSharedRepartition(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		s := streams.SelectKey(streams.Stream[*string, string](b, "left"), func(_ *string, v string) *string {
			if v == "none" {
				return nil
			}
			return &v
		})
		table := streams.Table[*string, string](b, "right")
		streams.JoinTable(s, table, plus).To("output")
		streams.LeftJoinTable(s, table, slashLeft).To("output")
	}).script(`
		L k=none@1 > null=none/null@1
		R x=X@2 >
		L k=x@3 > x=x+X@3, x=x/X@3
	`)
}

func TestCopartition(t *testing.T) {
	top := topologyOf(t, func(b *streams.Builder) {
		l, r := streams.Stream[string, string](b, "l"), streams.Stream[string, string](b, "r")
		t1, t2 := streams.Table[string, string](b, "t1"), streams.Table[string, string](b, "t2")
		g := streams.GlobalTable[string, string](b, "g")
		streams.JoinTable(l.Merge(r), t1, plus, streams.Named("st")).To("o1")
		streams.JoinTables(t1, t2, plus, streams.Named("tt")).ToStream().To("o2")
		streams.JoinStreams(l, streams.SelectKey(r, byValue), streams.Within(millis(5)), plus, streams.Named("ss")).To("o3")
		streams.JoinStreams(l, l, streams.Within(millis(5)), plus, streams.Named("self")).To("o4")
		streams.JoinGlobal(l, g, byValue, plus).To("o5")
	})
	want := []graph.Copartition{
		{Node: "st", Sources: []string{"KSTREAM-SOURCE-0000000000", "KSTREAM-SOURCE-0000000001", "KSTREAM-SOURCE-0000000003"}},
		{Node: "tt", Sources: []string{"KSTREAM-SOURCE-0000000003", "KSTREAM-SOURCE-0000000006"}},
		{Node: "ss-merge", Sources: []string{"KSTREAM-SOURCE-0000000000", "ss-right-repartition-source"}},
		{Node: "self-merge", Sources: []string{"KSTREAM-SOURCE-0000000000"}},
	}
	if diff := cmp.Diff(want, top.Graph().Copartitions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
