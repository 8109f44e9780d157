package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

func streamsBench(t *testing.T, w streams.JoinWindow, kind joinKind, opts ...streams.Option) *bench {
	t.Helper()
	return newBench(t, func(b *streams.Builder) {
		l, r := streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")
		joinStreams(l, r, w, kind, opts...).To("output")
	})
}

func TestJoinStreamsKV(t *testing.T) {
	for name, join := range map[string]func(l, r *kstream) *kstream{
		"inner": func(l, r *kstream) *kstream {
			return streams.JoinStreamsKV(l, r, streams.Within(millis(5)), func(k, l, r string) string { return k + ":" + l + r })
		},
		"left": func(l, r *kstream) *kstream {
			return streams.LeftJoinStreamsKV(l, r, streams.Within(millis(5)), func(k, l string, r *string) string { return k + ":" + l + orNull(r) })
		},
		"outer": func(l, r *kstream) *kstream {
			return streams.OuterJoinStreamsKV(l, r, streams.Within(millis(5)), func(k string, l, r *string) string { return k + ":" + orNull(l) + orNull(r) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			newBench(t, func(b *streams.Builder) {
				join(streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")).To("output")
			}).script(`
				L a=1@1 >
				R a=2@2 > a=a:12@2
			`)
		})
	}
}

// Both ends of the window are included, as each side sees it.
func TestWindowBounds(t *testing.T) {
	for name, c := range map[string]struct {
		w              streams.JoinWindow
		first, last    int64 // of right records that match a left one at 100
		before, behind int64 // the nearest that do not
	}{
		"both ways":  {streams.Within(millis(10)), 90, 110, 89, 111},
		"after":      {streams.JoinWindow{After: millis(10)}, 100, 110, 99, 111},
		"before":     {streams.JoinWindow{Before: millis(10)}, 90, 100, 89, 101},
		"future":     {streams.JoinWindow{Before: millis(-5), After: millis(10)}, 105, 110, 104, 111},
		"past":       {streams.JoinWindow{Before: millis(10), After: millis(-5)}, 90, 95, 89, 96},
		"same time":  {streams.Within(0), 100, 100, 99, 101},
		"with grace": {streams.Within(millis(10)).WithGrace(millis(50)), 90, 110, 89, 111},
	} {
		t.Run(name, func(t *testing.T) {
			right := func(at int64) joinInput { return joinInput{key: new("a"), value: new("r"), at: at} }
			left := joinInput{left: true, key: new("a"), value: new("l"), at: 100}
			for at, want := range map[int64]int{c.first: 1, c.last: 1, c.before: 0, c.behind: 0} {
				b := streamsBench(t, c.w, joinKind{})
				b.pipe(left)
				if got := b.pipe(right(at)); len(got) != want {
					t.Errorf("right at %d after left at 100 gives %q, want %d", at, got, want)
				}
				b = streamsBench(t, c.w, joinKind{})
				b.pipe(right(at))
				if got := b.pipe(left); len(got) != want {
					t.Errorf("left at 100 after right at %d gives %q, want %d", at, got, want)
				}
			}
		})
	}
}

func TestLeftJoinStreams(t *testing.T) {
	t.Run("unmatched by either side", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["left"]).script(`
			L a=1@0 >
			L b=2@10 >
			R z=r@11 > a=1+null@0
			L c=3@21 > b=2+null@10
			R x=r@22 >
			R y=r@40 > c=3+null@21
		`)
	})
	t.Run("right ones never", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["left"]).script(`
			R a=1@0 >
			R b=2@50 >
			L c=3@100 >
			R null=4@101 >
		`)
	})
	t.Run("grace", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)).WithGrace(millis(5)), joinKinds["left"]).script(`
			L a=1@0 >
			L b=2@15 >
			R a=r@8 > a=1+r@8
			L c=3@16 >
			L d=4@31 > b=2+null@15
		`)
	})
	t.Run("late and without a match", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)).WithGrace(millis(5)), joinKinds["left"]).script(`
			L a=1@100 >
			L b=2@90 >
			L c=3@89 > c=3+null@89
			L d=4@106 > b=2+null@90
		`)
	})
	t.Run("a match after the result without one", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)).WithGrace(millis(5)), joinKinds["left"]).script(`
			L a=1@0 >
			R z=r@16 > a=1+null@0
			R a=r@5 > a=1+r@5
		`)
	})
	t.Run("not moved by late records", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["left"]).script(`
			L a=1@50 >
			R b=r@40 >
			R b=null@70 >
			R b=r@65 >
			R b=r@70 > a=1+null@50
		`)
	})
	t.Run("duplicates", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["left"]).script(`
			L a=1@0 >
			L a=2@0 >
			L a=3@1 >
			L b=4@0 >
			R z=r@11 > a=1+null@0, a=2+null@0, b=4+null@0
			R a=r@11 > a=3+r@11
		`)
	})
}

func TestOuterJoinStreams(t *testing.T) {
	t.Run("order", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["outer"]).script(`
			L b=1@5 >
			L a=2@5 >
			R d=3@5 >
			R c=4@5 >
			R e=5@4 >
			L z=6@16 > e=null+5@4, c=null+4@5, d=null+3@5, a=2+null@5, b=1+null@5
		`)
	})
	t.Run("lopsided window", func(t *testing.T) {
		streamsBench(t, streams.JoinWindow{Before: millis(100), After: millis(10)}, joinKinds["outer"]).script(`
			L a=1@0 >
			R b=2@0 >
			L c=3@11 > a=1+null@0
			L d=4@101 > b=null+2@0, c=3+null@11
		`)
	})
	t.Run("null keys", func(t *testing.T) {
		streamsBench(t, streams.Within(millis(10)), joinKinds["outer"]).script(`
			L null=1@0 > null=1+null@0
			R null=2@1 > null=null+2@1
			L null=null@2 >
			L a=null@3 >
		`)
	})
}

// A stream that is joined with itself finds each record once, and each pair twice.
func TestJoinStreamWithItself(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		s := streams.Stream[string, string](b, "left")
		streams.Stream[string, string](b, "right")
		streams.JoinStreams(s, s, streams.Within(millis(10)), plus).To("output")
	}).script(`
		L a=1@0 > a=1+1@0
		L a=2@5 > a=2+1@5, a=1+2@5, a=2+2@5
		L a=3@16 > a=3+3@16
	`)
}

// A result has the headers of the record that led to it.
func TestHeadersOfJoinedStreams(t *testing.T) {
	b := streamsBench(t, streams.Within(millis(10)), joinKinds["left"])
	in := func(topic, key string, at int64, header string) {
		t.Helper()
		r := joinInput{left: topic == "left", key: &key, value: new("v"), at: at}
		b.pipeWith(r, header)
	}
	in("left", "a", 0, "first")
	in("right", "a", 1, "second")
	in("left", "b", 2, "third")
	in("left", "c", 30, "fourth")
	var got []string
	for _, r := range b.out.Records() {
		got = append(got, fmt.Sprintf("%s %s", r.Key, r.Headers[0].Key))
	}
	if diff := cmp.Diff([]string{"a second", "b fourth"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStoresOfJoinedStreams(t *testing.T) {
	specs := func(opts ...streams.Option) map[string]state.Spec {
		top := topologyOf(t, func(b *streams.Builder) {
			l, r := streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")
			joinStreams(l, r, streams.JoinWindow{Before: millis(3), After: millis(10), Grace: millis(20)}, joinKinds["outer"], opts...).To("output")
		})
		all := map[string]state.Spec{}
		for _, s := range top.Graph().Stores {
			all[s.Name] = s.Builder.Spec()
		}
		return all
	}
	window := state.Spec{Kind: state.KindWindow, Changelog: true, Retention: millis(33), WindowSize: millis(13), Duplicates: true}
	waits := state.Spec{Kind: state.KindRaw, Changelog: true}
	want := map[string]state.Spec{"KSTREAM-OUTERTHIS-0000000004-store": window, "KSTREAM-OUTEROTHER-0000000005-store": window, "KSTREAM-OUTERSHARED-0000000004-store": waits}
	if diff := cmp.Diff(want, specs()); diff != "" {
		t.Errorf("without options (-want +got):\n%s", diff)
	}
	window.InMemory, window.Changelog, waits.InMemory, waits.Changelog = true, false, true, false
	want = map[string]state.Spec{"s-outer-this-join-store": window, "s-outer-other-join-store": window, "s-outer-shared-join-store": waits}
	if diff := cmp.Diff(want, specs(streams.JoinStores("s", state.InMemory(), state.NoChangelog()))); diff != "" {
		t.Errorf("with options (-want +got):\n%s", diff)
	}
	window.InMemory, window.Changelog, waits.InMemory, waits.Changelog = false, true, false, true
	window.ChangelogConfig = map[string]string{"segment.bytes": "1"}
	waits.ChangelogConfig = window.ChangelogConfig
	want = map[string]state.Spec{"KSTREAM-OUTERTHIS-0000000004-store": window, "KSTREAM-OUTEROTHER-0000000005-store": window, "KSTREAM-OUTERSHARED-0000000004-store": waits}
	if diff := cmp.Diff(want, specs(streams.JoinStores("", state.ChangelogConfig(window.ChangelogConfig)))); diff != "" {
		t.Errorf("with configs (-want +got):\n%s", diff)
	}
}

func TestJoinOfRekeyedStreams(t *testing.T) {
	build := func(opts ...streams.Option) *streams.Topology {
		return topologyOf(t, func(b *streams.Builder) {
			s := streams.SelectKey(streams.Stream[string, string](b, "in"), byValue)
			streams.JoinStreams(s, s, streams.Within(time.Second), plus, opts...).To("output")
		})
	}
	names := func(all []*graph.Repartition) (names []string) {
		for _, r := range all {
			names = append(names, r.Topic)
		}
		return names
	}
	if diff := cmp.Diff([]string{"KSTREAM-KEY-SELECT-0000000001-repartition"}, names(build().Graph().Repartitions)); diff != "" {
		t.Errorf("without a name, both sides share a topic (-want +got):\n%s", diff)
	}
	named := build(streams.Named("j"))
	if diff := cmp.Diff([]string{"j-left-repartition", "j-right-repartition"}, names(named.Graph().Repartitions)); diff != "" {
		t.Errorf("with a name (-want +got):\n%s", diff)
	}
	if want := "Processor: j-this-windowed (stores: [KSTREAM-JOINTHIS-0000000010-store])"; !strings.Contains(named.Describe(), want) {
		t.Errorf("want %q in\n%s", want, named.Describe())
	}
}

// Null keys of either side come through the repartition of a left join, and are
// dropped before that of an inner one.
func TestNullKeysOfRekeyedStreams(t *testing.T) {
	for name, kind := range joinKinds {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{"inner": "> ", "left": "> null=none+null@1", "outer": "> null=none+null@1"}[name]
			right := map[string]string{"inner": "> ", "left": "> ", "outer": "> null=null+none@2"}[name]
			newBench(t, func(b *streams.Builder) {
				noKey := func(_, _ string) *string { return nil }
				l := streams.SelectKey(streams.Stream[string, string](b, "left"), noKey)
				r := streams.SelectKey(streams.Stream[string, string](b, "right"), noKey)
				out := func(s *streams.KStream[*string, string]) { s.To("output") }
				switch w := streams.Within(millis(5)); {
				case kind.right:
					out(streams.OuterJoinStreams(l, r, w, plusOuter))
				case kind.left:
					out(streams.LeftJoinStreams(l, r, w, plusLeft))
				default:
					out(streams.JoinStreams(l, r, w, plus))
				}
			}).script("L a=none@1 " + want + "\nR a=none@2 " + right)
		})
	}
}
