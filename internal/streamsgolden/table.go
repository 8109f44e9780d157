package streamsgolden

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// rowsOf checks key-value stores of tables.
func rowsOf[V any](names ...string) func(testing.TB, *streamstest.Driver, Case) {
	return func(t testing.TB, d *streamstest.Driver, c Case) {
		t.Helper()
		for _, name := range names {
			got, want := []string{}, []string{}
			for k, row := range streamstest.Timestamped[string, V](d, name).All() {
				got = append(got, fmt.Sprint(k, "=", reflect.Indirect(reflect.ValueOf(row.Value)), "@", row.Time.UnixMilli()))
			}
			for _, r := range c.Stores[name] {
				want = append(want, fmt.Sprint(plain(r.Key), "=", plain(r.Value), "@", *r.At))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("store %s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func startsWithY(_, v string) bool { return strings.HasPrefix(v, "y") }

func tables(r *registry) {
	r.register("11-table-operators", map[string]Program{
		"filter-map": {build: func(b *streams.Builder) {
			t := streams.Table[string, string](b, "input", streams.Store("t"))
			t.Filter(startsWithY).ToStream().To("filtered")
			streams.MapTable(t, func(_, v string) string { return strings.ToUpper(v) }).ToStream().To("mapped")
		}},
		"filter-no-store-anywhere": {build: func(b *streams.Builder) {
			streams.Table[string, string](b, "input").Filter(startsWithY).ToStream().To("filtered")
		}},
		"filter-materialized": {
			build: func(b *streams.Builder) {
				streams.Table[string, string](b, "input", streams.Store("t")).Filter(startsWithY, streams.Store("f")).ToStream().To("filtered")
			},
			Check: rowsOf[string]("f"),
		},
		"to-table-and-back": {
			build: func(b *streams.Builder) {
				streams.Stream[string, string](b, "input").ToTable(streams.Store("tt")).ToStream().To("output")
			},
			Check: rowsOf[string]("tt"),
		},
		"source-table-no-store": {build: func(b *streams.Builder) {
			streams.Table[string, string](b, "input").ToStream().To("output")
		}},
	})
	r.register("13-naming", map[string]Program{
		"repartition-operator": {build: func(b *streams.Builder) {
			s := streams.Stream[string, string](b, "input").Repartition(streams.Named("spread"), streams.Partitions(6))
			streams.MapValues(s, strings.ToUpper).Repartition().To("output")
		}},
		"pattern-and-multi-topic": {build: func(b *streams.Builder) {
			streams.StreamTopics[string, string](b, []string{"a", "b"}).To("ab")
			streams.StreamPattern[string, string](b, regexp.MustCompile("c-.*")).To("c")
		}},
	})
	r.skip("11-table-operators/versioned-filter-count", "versioned stores (tier 3)")
}
