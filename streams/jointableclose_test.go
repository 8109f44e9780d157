package streams_test

import (
	"strings"
	"testing"
	"time"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// TestJoinedWindowsClose joins two windowed tables and holds the results back
// until both have closed: Kafka Streams takes the larger grace of the two.
func TestJoinedWindowsClose(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		in := streams.Stream[string, string](b, "input").GroupByKey()
		short := streams.WindowedBy(in, streams.Tumbling(10*time.Millisecond)).Count()
		long := streams.WindowedBy(in, streams.Tumbling(10*time.Millisecond).WithGrace(20*time.Millisecond)).Count()
		joined := streams.JoinTables(short, long, func(s, l int64) string { return strings.Repeat("s", int(s)) + strings.Repeat("l", int(l)) })
		out := joined.Suppress(streams.UntilWindowCloses(streams.Unbounded())).ToStream()
		streams.Map(out, func(w streams.Windowed[string], v string) (string, string) { return w.Key, v }).To("output")
	})
	in := streamstest.Input[string, string](d, "input")
	for _, step := range []string{
		"a 1 0", "a 1 5", "b 1 29", // the short windows up to 10 are closed
		"b 1 30 -> a=ssll@5", // 10 is the end, and 20 the grace of the long ones
	} {
		what, want, _ := strings.Cut(step, " -> ")
		pipeStep(t, in, what)
		if got := strings.Join(lines[string, string](d, "output"), " "); got != want {
			t.Errorf("%q gives %q, want %q", what, got, want)
		}
	}
}

func TestJoinedWindowsThatNeverClose(t *testing.T) {
	b := streams.NewBuilder()
	in := streams.Stream[string, string](b, "input").GroupByKey()
	windows := streams.WindowedBy(in, streams.Tumbling(time.Second)).Count()
	plain := streams.Table[streams.Windowed[string], int64](b, "table")
	streams.JoinTables(windows, plain, func(l, r int64) int64 { return l + r }).Suppress(streams.UntilWindowCloses(streams.Unbounded()))
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "no windows that close") {
		t.Errorf("Build gave %v", err)
	}
}
