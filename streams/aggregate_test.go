package streams_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

// start builds and starts a topology.
func start(t *testing.T, build func(b *streams.Builder)) *streamstest.Driver {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return streamstest.New(t, top)
}

// wantBuildError builds a topology that cannot be.
func wantBuildError(t *testing.T, want string, build func(b *streams.Builder)) {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// lines are all records that wait in a topic, as "key=value@time".
func lines[K, V any](d *streamstest.Driver, topic string) []string {
	var all []string
	for _, r := range streamstest.Output[K, V](d, topic).Records() {
		value := "null"
		if !r.NullValue {
			value = fmt.Sprint(reflect.Indirect(reflect.ValueOf(r.Value)))
		}
		all = append(all, fmt.Sprintf("%v=%s@%d", r.Key, value, r.Time.UnixMilli()))
	}
	return all
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAggregateOldRows(t *testing.T) {
	// A row that the function changes in place does not change the old row with it.
	d := start(t, func(b *streams.Builder) {
		streams.RegisterSerde(b, setSerde)
		g := streams.Stream[string, string](b, "input").GroupByKey()
		sets := streams.Aggregate(g, func() map[string]bool { return map[string]bool{} }, func(_, v string, set map[string]bool) map[string]bool {
			set[v] = true
			return set
		})
		streams.GroupTable(sets, func(_ string, set map[string]bool) (int64, int64) { return int64(len(set)), 1 }).
			Count().ToStream().To("output")
	})
	in := streamstest.Input[string, string](d, "input")
	in.Pipe("a", "x", at(1))
	in.Pipe("a", "y", at(2))
	in.Pipe("a", "y", at(3))
	wantLines(t, lines[int64, int64](d, "output"), "1=1@1", "1=0@2", "2=1@2", "2=1@3")
}

func TestAggregateTwoRepartitionsIfUnnamed(t *testing.T) {
	topics := func(opts ...streams.Option) []string {
		b := streams.NewBuilder()
		g := streams.GroupBy(streams.Stream[string, string](b, "input"), func(_, v string) string { return v }, opts...)
		g.Count().ToStream().To("counts")
		g.Reduce(func(agg, v string) string { return agg + v }).ToStream().To("reduced")
		top, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range top.Graph().Repartitions {
			names = append(names, r.Topic)
		}
		return names
	}
	wantLines(t, topics(), "KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition", "KSTREAM-REDUCE-STATE-STORE-0000000009-repartition")
	wantLines(t, topics(streams.Named("by-value")), "by-value-repartition")
}

func TestAggregateGeneratedNames(t *testing.T) {
	b := streams.NewBuilder()
	streams.GroupBy(streams.Stream[string, string](b, "input"), func(_, v string) string { return v }).Count()
	streams.GroupTable(streams.Table[string, string](b, "t", streams.Store("t")), func(_, v string) (string, string) { return v, v }).
		Count(streams.Store("c"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(top.GeneratedNames()))
	wantLines(t, got, "KSTREAM-AGGREGATE-STATE-STORE-0000000002", "KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition")
	wantBuildError(t, "KTABLE-REDUCE-STATE-STORE-", func(b *streams.Builder) {
		streams.EnsureExplicitNaming()(b)
		g := streams.GroupTable(streams.Table[string, string](b, "t", streams.Store("t")), func(_, v string) (string, string) { return v, v })
		g.Reduce(func(agg, _ string) string { return agg }, func(agg, _ string) string { return agg })
	})
}

func TestAggregateErrors(t *testing.T) {
	count := func(b *streams.Builder) *streams.Grouped[string, string] {
		return streams.Stream[string, string](b, "input").GroupByKey()
	}
	wantBuildError(t, "Count has no use for the option Partitions", func(b *streams.Builder) { count(b).Count(streams.Partitions(3)) })
	wantBuildError(t, "map[string]bool", func(b *streams.Builder) {
		streams.Aggregate(count(b), func() map[string]bool { return nil }, func(_, _ string, m map[string]bool) map[string]bool { return m })
	})
	wantBuildError(t, "Duplicates", func(b *streams.Builder) { count(b).Count(streams.Store("c", state.Duplicates())) })
}

// setSerde writes the members with commas between them.
var setSerde = setOfStrings{}

type setOfStrings struct{}

func (setOfStrings) AppendEncode(dst []byte, set map[string]bool) ([]byte, error) {
	var members []string
	for m := range set {
		members = append(members, m)
	}
	slices.Sort(members)
	return append(dst, strings.Join(members, ",")...), nil
}

func (setOfStrings) Decode(b []byte) (map[string]bool, error) {
	set := map[string]bool{}
	for m := range strings.SplitSeq(string(b), ",") {
		if m != "" {
			set[m] = true
		}
	}
	return set, nil
}
