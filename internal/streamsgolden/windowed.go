package streamsgolden

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

const ms = time.Millisecond

// grouped is the input of the golden programs, grouped by key.
func grouped(b *streams.Builder) *streams.Grouped[string, *string] {
	return streams.Stream[string, *string](b, "input").GroupByKey()
}

func empty() string { return "" }

func appended(_ string, v *string, agg string) string { return agg + *v }

// windowRows checks a store of windows.
func windowRows(name string, size time.Duration) func(testing.TB, *streamstest.Driver, Case) {
	return func(t testing.TB, d *streamstest.Driver, c Case) {
		t.Helper()
		var got, want []string
		store := streamstest.Window[string, state.Timestamped[int64]](d, name)
		for at, row := range store.FetchAll(time.UnixMilli(0), time.UnixMilli(1e9)) {
			got = append(got, fmt.Sprintf("%s[%d,%d]=%d@%d", at.Key, at.Time.UnixMilli(), at.Time.Add(size).UnixMilli(), row.Value, row.Time.UnixMilli()))
		}
		for _, r := range c.Stores[name] {
			want = append(want, fmt.Sprintf("%s=%s@%d", plain(r.Key), plain(r.Value), *r.At))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("store %s (-want +got):\n%s", name, diff)
		}
	}
}

// CountOnClose is the program of the cases that emit on close.
func CountOnClose(b *streams.Builder) {
	streams.WindowedBy(grouped(b), streams.Tumbling(10*ms).WithGrace(2*ms)).
		Count(streams.Store("w"), streams.EmitOnClose()).ToStream().To("output")
}

func windows(r *registry) {
	r.skip("08-time-windows/emit-on-window-close-jump", "Kafka Streams loses results here; see TestGoldenJump")
	r.register("08-time-windows", map[string]Program{
		"tumbling-count": {
			build: func(b *streams.Builder) {
				streams.WindowedBy(grouped(b), streams.Tumbling(10*ms).WithGrace(5*ms)).Count(streams.Store("w")).ToStream().To("output")
			},
			Check: windowRows("w", 10*ms),
		},
		"hopping-sum": {build: func(b *streams.Builder) {
			w := streams.WindowedBy(grouped(b), streams.Hopping(10*ms, 4*ms))
			streams.AggregateWindow(w, empty, appended, streams.Store("h")).ToStream().To("output")
		}},
		"emit-on-window-close": {build: CountOnClose},
		"windowed-to-plain": {build: func(b *streams.Builder) {
			w := streams.WindowedBy(grouped(b), streams.Tumbling(10*ms))
			t := w.Reduce(func(agg, v *string) *string { both := *agg + *v; return &both }, streams.Store("w"))
			streams.SelectKey(t.ToStream(), func(k streams.Windowed[string], _ *string) string {
				return fmt.Sprintf("%s@%d/%d", k.Key, k.Start.UnixMilli(), k.End.UnixMilli())
			}).To("output")
		}},
	})
	r.register("09-sliding-session-windows", map[string]Program{
		"sliding-count": {build: func(b *streams.Builder) {
			w := streams.WindowedBy(grouped(b), streams.Sliding(10*ms).WithGrace(50*ms))
			streams.AggregateWindow(w, empty, appended, streams.Store("s")).ToStream().To("output")
		}},
		"session-count": {build: func(b *streams.Builder) {
			streams.SessionWindowedBy(grouped(b), streams.Session(10*ms).WithGrace(5*ms)).Count(streams.Store("s")).ToStream().To("output")
		}},
		"session-aggregate": {build: func(b *streams.Builder) {
			w := streams.SessionWindowedBy(grouped(b), streams.Session(10*ms))
			streams.AggregateSession(w, empty, appended, func(_, x, y string) string { return x + y }, streams.Store("s")).ToStream().To("output")
		}},
	})
}
