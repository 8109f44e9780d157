package streams_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/serde"
	"mm2/streams/streamstest"
)

// plainInput is the input of strings that cannot be nil, grouped by key.
func plainInput(b *streams.Builder) *streams.Grouped[string, string] {
	return streams.Stream[string, string](b, "input").GroupByKey()
}

func TestWindowBuildErrors(t *testing.T) {
	fixed := func(w streams.TimeWindow, opts ...streams.Option) func(b *streams.Builder) {
		return func(b *streams.Builder) { streams.WindowedBy(plainInput(b), w).Count(opts...) }
	}
	session := func(w streams.SessionWindow, opts ...streams.Option) func(b *streams.Builder) {
		return func(b *streams.Builder) { streams.SessionWindowedBy(plainInput(b), w).Count(opts...) }
	}
	type unknown struct{}
	tests := []struct {
		name  string
		build func(b *streams.Builder)
		want  string // empty: none
	}{
		{"tumbling", fixed(streams.Tumbling(ms)), ""},
		{"tumbling 0", fixed(streams.Tumbling(0)), "size is 0s, want at least 1ms"},
		{"tumbling negative", fixed(streams.Tumbling(-ms)), "size is -1ms, want at least 1ms"},
		{"tumbling with a part of a millisecond", fixed(streams.Tumbling(ms + time.Microsecond)), "whole milliseconds"},
		{"tumbling too long", fixed(streams.Tumbling(math.MaxInt64 / time.Millisecond * time.Millisecond)), "want at most"},
		{"tumbling, negative grace", fixed(streams.Tumbling(ms).WithGrace(-ms)), "grace is -1ms"},
		{"tumbling, grace with a part of a millisecond", fixed(streams.Tumbling(ms).WithGrace(time.Nanosecond)), "whole milliseconds"},
		{"hopping", fixed(streams.Hopping(3*ms, 3*ms)), ""},
		{"hopping 0", fixed(streams.Hopping(3*ms, 0)), "advance is 0s"},
		{"hopping with gaps", fixed(streams.Hopping(3*ms, 4*ms)), "more than the size"},
		{"sliding 0", fixed(streams.Sliding(0)), ""},
		{"sliding negative", fixed(streams.Sliding(-ms)), "difference is -1ms"},
		{"session", session(streams.Session(ms)), ""},
		{"session 0", session(streams.Session(0)), "gap is 0s"},
		{"session, negative grace", session(streams.Session(ms).WithGrace(-ms)), "grace is -1ms"},
		{"retention", fixed(streams.Tumbling(5*ms).WithGrace(2*ms), streams.Retention(7*ms)), ""},
		{"retention too short", fixed(streams.Tumbling(5*ms).WithGrace(2*ms), streams.Retention(6*ms)), "needed for 7ms"},
		{"retention of a session too short", session(streams.Session(5*ms).WithGrace(2*ms), streams.Retention(6*ms)), "needed for 7ms"},
		{"option of others", fixed(streams.Tumbling(ms), streams.Partitions(3)), "has no use for the option Partitions"},
		{"no serde", func(b *streams.Builder) {
			g := streams.GroupBy(streams.Stream[string, string](b, "input"), func(string, string) unknown { return unknown{} })
			streams.WindowedBy(g, streams.Tumbling(ms)).Count().ToStream().To("output")
		}, "no serde"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := streams.NewBuilder()
			tt.build(b)
			_, err := b.Build()
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestWindowNames(t *testing.T) {
	b := streams.NewBuilder()
	s := streams.SelectKey(streams.Stream[string, string](b, "input"), func(_, v string) string { return v })
	streams.WindowedBy(s.GroupByKey(), streams.Tumbling(ms)).Count().ToStream().To("output")
	streams.SessionWindowedBy(s.GroupByKey(streams.Named("g")), streams.Session(ms)).
		Reduce(func(a, _ string) string { return a }, streams.Named("red"), streams.Store("st"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	text := top.Describe()
	for _, want := range []string{
		"KSTREAM-AGGREGATE-0000000003 (stores: [KSTREAM-AGGREGATE-STATE-STORE-0000000002])",
		"topic: KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition",
		"Processor: red (stores: [st])",
		"topic: g-repartition",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// What Kafka says of nulls, and ours where V cannot hold them.
func TestWindowNulls(t *testing.T) {
	counted := func(c, r *streams.KTable[streams.Windowed[string], int64]) {
		c.ToStream().To("count")
		r.ToStream().To("reduce")
	}
	one := func(_, _ string, n int64) int64 { return n + 1 }
	tests := []struct {
		name          string
		build         func(b *streams.Builder)
		count, reduce string
		dropped       map[string]int
	}{
		{"tumbling", func(b *streams.Builder) {
			g := streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms))
			counted(g.Count(), streams.AggregateWindow(g, func() int64 { return 0 }, one))
		}, "12", "1", map[string]int{"null key": 2, "null value": 1}},
		{"sliding", func(b *streams.Builder) {
			g := streams.WindowedBy(plainInput(b), streams.Sliding(10*ms))
			counted(g.Count(), streams.AggregateWindow(g, func() int64 { return 0 }, one))
		}, "1", "1", map[string]int{"null key": 2, "null value": 2}},
		{"session", func(b *streams.Builder) {
			g := streams.SessionWindowedBy(plainInput(b), streams.Session(10*ms))
			counted(g.Count(), streams.AggregateSession(g, func() int64 { return 0 }, one, func(_ string, x, y int64) int64 { return x + y }))
		}, "12", "1", map[string]int{"null key": 2, "null value": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, 0, tt.build)
			for _, in := range []*kgo.Record{
				{Value: []byte("v"), Timestamp: time.UnixMilli(50)}, // moves no time
				{Key: []byte("k"), Value: []byte("v")},
				{Key: []byte("k")},
			} {
				if in.Timestamp.IsZero() {
					in.Timestamp = time.UnixMilli(5)
				}
				r.pipeRaw(in)
			}
			got := map[string]string{}
			for _, o := range r.all {
				got[o.Topic] += fmt.Sprint(int64Of(o.Value))
			}
			want := map[string]string{"count": tt.count, "reduce": tt.reduce}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.dropped, r.dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

// A nil aggregate deletes the row, and the next value starts anew.
func TestWindowNilAggregate(t *testing.T) {
	fn := func(_, v string, agg *string) *string {
		if v == "x" {
			return nil
		}
		both := *agg + v
		return &both
	}
	start := func() *string { return new(string) }
	merge := func(_ string, a, b *string) *string { both := *a + *b; return &both }
	for name, build := range map[string]func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *string]{
		"tumbling": func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *string] {
			return streams.AggregateWindow(streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms)), start, fn)
		},
		"sliding": func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *string] {
			return streams.AggregateWindow(streams.WindowedBy(plainInput(b), streams.Sliding(10*ms)), start, fn)
		},
		"session": func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *string] {
			return streams.AggregateSession(streams.SessionWindowedBy(plainInput(b), streams.Session(10*ms)), start, fn, merge)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, 0, func(b *streams.Builder) { build(b).ToStream().To("output") })
			got := ""
			for _, v := range []string{"a", "b", "x", "c"} {
				for _, o := range r.pipe("k", v, 5) {
					got += fmt.Sprintf("%s,%t ", o.Value, o.Value == nil)
				}
			}
			if want := "a,false ab,false ,true c,false "; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A sum is changed in place by the user's functions.
type sum struct{ N int }

// Tables of windows can be looked up, and give old rows that later changes leave
// alone.
func TestWindowTables(t *testing.T) {
	add := func(_, v string, s *sum) *sum { s.N += len(v); return s }
	start := func() *sum { return &sum{} }
	for _, tt := range []struct {
		name   string
		build  func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *sum]
		closes int64
		want   []string
	}{
		{"tumbling", func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *sum] {
			return streams.AggregateWindow(streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms).WithGrace(5*ms)), start, add)
		}, 1_005, []string{"k[10,20] none -> 1@11", "k[10,20] 1 -> 3@13", "k[10,20] 3 -> 6@13"}},
		{"sliding", func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *sum] {
			return streams.AggregateWindow(streams.WindowedBy(plainInput(b), streams.Sliding(10*ms).WithGrace(5*ms)), start, add)
		}, 1_006, []string{
			"k[1,11] none -> 1@11",
			"k[12,22] none -> 2@13", "k[3,13] none -> 3@13",
			"k[13,23] none -> 2@13", "k[12,22] 2 -> 5@13", "k[3,13] 3 -> 6@13", "k[2,12] none -> 4@12",
		}},
		{"session", func(b *streams.Builder) *streams.KTable[streams.Windowed[string], *sum] {
			merge := func(_ string, x, y *sum) *sum { x.N += y.N; return x }
			return streams.AggregateSession(streams.SessionWindowedBy(plainInput(b), streams.Session(10*ms).WithGrace(5*ms)), start, add, merge)
		}, 1_016, []string{
			"k[11,11] none -> 1@11",
			"k[11,11] 1 -> none", "k[11,13] none -> 3@13",
			"k[11,13] 3 -> 6@13",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			r := run(t, 0, func(b *streams.Builder) {
				streams.RegisterSerde(b, serde.JSON[*sum]())
				table := tt.build(b)
				streams.Look(table, "look", func(k streams.Windowed[string], old *(*sum), now *sum, at time.Time, ok bool) {
					line := fmt.Sprintf("%s[%d,%d] none -> ", k.Key, k.Start.UnixMilli(), k.End.UnixMilli())
					if old != nil {
						line = strings.Replace(line, "none", fmt.Sprint((*old).N), 1)
					}
					if ok {
						line += fmt.Sprintf("%d@%d", now.N, at.UnixMilli())
					} else {
						line += "none"
					}
					got = append(got, line)
				})
				at, ok := streams.Closes(table, windowedKey("k", 990, 1000))
				if at.UnixMilli() != tt.closes || !ok {
					t.Errorf("a window that ends at 1000 closes at %d, %t; want %d", at.UnixMilli(), ok, tt.closes)
				}
			})
			r.pipe("k", "1", 11)
			r.pipe("k", "22", 13)
			r.pipe("k", "333", 12)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWindowHeaders(t *testing.T) {
	for name, build := range map[string]func(b *streams.Builder){
		"tumbling": func(b *streams.Builder) {
			streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms)).Count().ToStream().To("output")
		},
		"session": func(b *streams.Builder) {
			streams.SessionWindowedBy(plainInput(b), streams.Session(10*ms)).Count().ToStream().To("output")
		},
		"on close": func(b *streams.Builder) {
			streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms)).Count(streams.EmitOnClose()).ToStream().To("output")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder()
			build(b)
			top, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			d := streamstest.New(t, top)
			in := streamstest.Input[string, string](d, "input")
			in.Pipe("k", "v", time.UnixMilli(0))
			d.Sent()
			in.PipeRecord(streams.Record[string, string]{Key: "k", Time: time.UnixMilli(50)}.AddHeader("h", []byte("1")))
			for _, s := range d.Sent() {
				if !s.Internal && (len(s.Headers) != 1 || s.Headers[0].Key != "h") {
					t.Errorf("the headers are %v, want those of the record that caused it", s.Headers)
				}
			}
		})
	}
}
