package streams_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// suppressed is a table behind a suppression, and the table itself.
func suppressed(s streams.Suppression) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		t := streams.Table[string, string](b, "input")
		t.Suppress(s, streams.Named("su")).ToStream().To("output")
	}
}

const forever = time.Duration(math.MaxInt64)

func TestSuppress(t *testing.T) {
	// A step is "key value time", a value "-" a deletion. What passes with it is
	// behind an arrow.
	for _, c := range []struct {
		name  string
		s     streams.Suppression
		steps []string
	}{
		{"no limit at all", streams.UntilTimeLimit(0, streams.Unbounded()), []string{
			"a 1 0 -> a=1@0", "a 2 5 -> a=2@5", "a - 6 -> a=null@6",
			"b 1 3 -> b=1@3", "b 2 9 -> b=2@9",
		}},
		{"time limit", streams.UntilTimeLimit(2*time.Millisecond, streams.Unbounded()), []string{
			"v1 1 0", "v1 0 1", "v2 1 1", "v1 1 2 -> v1=1@2", "tick 1 3 -> v2=1@1", "tick 0 4", "tock 1 4", "x 1 5 -> tick=0@4", "y 1 9 -> tock=1@4 x=1@5",
		}},
		{"by time, then by key", streams.UntilTimeLimit(5*time.Millisecond, streams.Unbounded()), []string{
			"b 1 2", "c 1 1", "a 1 2", "ab 1 2", "d 1 10 -> c=1@1 a=1@2 ab=1@2 b=1@2",
		}},
		{"records", streams.UntilTimeLimit(forever, streams.MaxRecords(1).EmitEarlyWhenFull()), []string{
			"v1 1 0", "v1 0 1", "v2 1 1 -> v1=0@1", "v1 1 2 -> v2=1@1", "x 1 3 -> v1=1@2",
		}},
		{"bytes", streams.UntilTimeLimit(forever, streams.MaxBytes(150).EmitEarlyWhenFull()), []string{
			"v1 1 0", "v1 0 1", "v2 1 1", "v3 1 2 -> v1=0@1", "v4 " + strings.Repeat("x", 200) + " 3 -> v2=1@1 v3=1@2 v4=" + strings.Repeat("x", 200) + "@3",
		}},
		{"both", streams.UntilTimeLimit(forever, streams.MaxRecords(2).MaxBytes(1e6).EmitEarlyWhenFull()), []string{
			"a 1 0", "b 1 1", "c 1 2 -> a=1@0",
		}},
		{"a deletion of what nobody has seen", streams.UntilTimeLimit(5*time.Millisecond, streams.Unbounded()), []string{
			"a 1 0", "a - 1", "x 1 5 -> a=null@1",
		}},
		{"a time that goes back", streams.UntilTimeLimit(5*time.Millisecond, streams.Unbounded()), []string{
			"a 1 100", "b 1 10 -> b=1@10", "b 2 96", "b 3 95", "c 1 101 -> b=3@95",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t, suppressed(c.s))
			in := streamstest.Input[string, string](d, "input")
			for _, step := range c.steps {
				what, want, _ := strings.Cut(step, " -> ")
				pipeStep(t, in, what)
				if got := strings.Join(lines[string, string](d, "output"), " "); got != want {
					t.Fatalf("%q gives %q, want %q", what, got, want)
				}
			}
		})
	}
}

func pipeStep(t *testing.T, in *streamstest.In[string, string], step string) {
	t.Helper()
	f := strings.Fields(step)
	ms, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if f[1] == "-" {
		in.PipeTombstone(f[0], at(ms))
	} else {
		in.Pipe(f[0], f[1], at(ms))
	}
}

// endOf is the end of the window "key@end".
func endOf(k string) (time.Time, bool) {
	_, end, _ := strings.Cut(k, "@")
	ms, err := strconv.ParseInt(end, 10, 64)
	return at(ms), err == nil
}

func closing(b *streams.Builder, grace time.Duration, buffer streams.Buffer) *streams.KTable[string, string] {
	t := streams.WithWindows(streams.Table[string, string](b, "input"), grace, endOf)
	// What is computed of windows has the same windows.
	return streams.MapTable(t, func(_, v string) string { return v }).
		Filter(func(_, v string) bool { return v != "bad" }).
		Suppress(streams.UntilWindowCloses(buffer), streams.Named("su"))
}

func TestSuppressUntilWindowCloses(t *testing.T) {
	d := start(t, func(b *streams.Builder) { closing(b, 5*time.Millisecond, streams.Unbounded()).ToStream().To("output") })
	in := streamstest.Input[string, string](d, "input")
	for _, step := range []string{
		"a@10 1 0", "a@10 2 9", "b@10 1 4", "a@20 1 14",
		"a@20 2 15 -> a@10=2@9 b@10=1@4", // 15 is the end and the grace
		"c@30 1 21", "c@30 - 22", "a@30 bad 23",
		"d@60 1 40 -> a@20=2@15", // deletions of windows that nobody has seen are left out
		"d@60 1 64", "d@70 1 65 -> d@60=1@64",
	} {
		what, want, _ := strings.Cut(step, " -> ")
		pipeStep(t, in, what)
		if got := strings.Join(lines[string, string](d, "output"), " "); got != want {
			t.Fatalf("%q gives %q, want %q", what, got, want)
		}
	}
	// In the changelog stands the end of the window, without the grace.
	for _, s := range d.Sent() {
		if s.Topic == "streamstest-su-store-changelog" && string(s.Key) == "d@70" {
			if end := hex.EncodeToString(s.Value[len(s.Value)-8:]); end != fmt.Sprintf("%016x", 70) {
				t.Errorf("the changelog has the time %s, want that of the end, 70", end)
			}
		}
	}
	in.Pipe("later@9999", "1", at(65))
	if err := in.TryPipeRecord(streams.Record[string, string]{Key: "no window", Value: "1", Time: at(70)}); err == nil || !strings.Contains(err.Error(), "never does") {
		t.Errorf("a key without a window gives the error %v", err)
	}
}

func TestSuppressShutsDown(t *testing.T) {
	b := streams.NewBuilder()
	closing(b, 0, streams.MaxRecords(1).ShutDownWhenFull()).ToStream().To("output")
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	// Also where errors are passed over: else the limit would be none.
	d := streamstest.New(t, top, streamstest.WithConfig(streams.Config{ApplicationID: "app", OnProcessError: streams.LogAndContinue}))
	in := streamstest.Input[string, string](d, "input")
	in.Pipe("a@10", "1", at(0))
	in.Pipe("b@20", "1", at(10)) // the first window closes before the buffer is full
	err = in.TryPipeRecord(streams.Record[string, string]{Key: "c@30", Value: "1", Time: at(11)})
	if failed, ok := errors.AsType[*streams.ProcessingError](err); !ok || failed.Node != "su" || failed.Topic != "input" || failed.Offset != 2 ||
		!strings.Contains(err.Error(), `"su-store" has 2 keys`) || !strings.Contains(err.Error(), "limit of 1 keys") {
		t.Errorf("error %v", err)
	}
}

func TestSuppressErrors(t *testing.T) {
	of := func(s streams.Suppression, opts ...streams.Option) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			streams.WithWindows(streams.Table[string, string](b, "input"), 0, endOf).Suppress(s, opts...)
		}
	}
	unbounded := streams.Unbounded()
	wantBuildError(t, "MaxRecords(0)", of(streams.UntilTimeLimit(1, streams.MaxRecords(0).EmitEarlyWhenFull())))
	wantBuildError(t, "MaxBytes(-1)", of(streams.UntilTimeLimit(1, streams.MaxBytes(-1).ShutDownWhenFull())))
	wantBuildError(t, "the time is negative", of(streams.UntilTimeLimit(-1, unbounded)))
	wantBuildError(t, "before they close", of(streams.UntilWindowCloses(streams.MaxRecords(1).EmitEarlyWhenFull())))
	wantBuildError(t, "NoChangelog is given too", of(streams.UntilTimeLimit(1, unbounded.NoChangelog().ChangelogConfig(map[string]string{"a": "b"}))))
	wantBuildError(t, "Suppress has no use for the option Store", of(streams.UntilTimeLimit(1, unbounded), streams.Store("s")))
	wantBuildError(t, "no windows that close", func(b *streams.Builder) {
		streams.Table[string, string](b, "input").Suppress(streams.UntilWindowCloses(unbounded))
	})
	wantBuildError(t, "there is no serde for the value type", func(b *streams.Builder) {
		streams.MapTable(streams.Table[string, string](b, "input"), func(_, _ string) struct{} { return struct{}{} }).
			Suppress(streams.UntilTimeLimit(1, unbounded)).ToStream()
	})
}

// Those behind a buffer subtract what they have added.
func TestSuppressOldRows(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		t := streams.Table[string, int64](b, "input").Suppress(streams.UntilTimeLimit(10*time.Millisecond, streams.Unbounded()))
		streams.GroupTable(t, func(_ string, v int64) (string, int64) { return "all", v }).
			Reduce(func(agg, v int64) int64 { return agg + v }, func(agg, v int64) int64 { return agg - v }).ToStream().To("output")
	})
	in := streamstest.Input[string, int64](d, "input")
	in.Pipe("a", 1, at(0))
	in.Pipe("a", 2, at(5)) // 1 is never seen
	in.Pipe("tick", 100, at(10))
	wantLines(t, lines[string, int64](d, "output"), "all=2@5")
	in.Pipe("a", 3, at(11))
	in.Pipe("a", 4, at(12))
	in.Pipe("tock", 1000, at(30))
	wantLines(t, lines[string, int64](d, "output"), "all=102@10", "all=104@12")
}

// A record that passes is as it was when it came: headers, time and metadata.
func TestSuppressKeepsTheRecord(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		s := streams.Table[string, string](b, "input").
			Suppress(streams.UntilTimeLimit(10*time.Millisecond, streams.Unbounded())).ToStream()
		streams.Process(s, func() streams.Processor[string, string, string, string] { return &whence{} }).To("output")
	})
	in := streamstest.Input[string, string](d, "input")
	in.PipeRecord(streams.Record[string, string]{Key: "a", Value: "1", Time: at(0), Headers: []streams.Header{{Key: "gone", Value: []byte("x")}}})
	in.PipeRecord(streams.Record[string, string]{Key: "a", Value: "2", Time: at(3), Headers: []streams.Header{{Key: "h", Value: []byte("1")}, {Key: "null"}}})
	in.Pipe("tick", "0", at(10))
	want := []streams.Record[string, string]{{
		Key: "a", Value: "2 from input/0/1", Time: at(3), Headers: []streams.Header{{Key: "h", Value: []byte("1")}, {Key: "null"}},
	}}
	if diff := cmp.Diff(want, streamstest.Output[string, string](d, "output").Records()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// whence adds to values where they come from.
type whence struct {
	ctx streams.ProcessorContext[string, string]
}

func (p *whence) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	return nil
}

func (p *whence) Process(r streams.Record[string, string]) error {
	from, ok := p.ctx.Metadata()
	if !ok {
		return errors.New("a record has no metadata")
	}
	p.ctx.Forward(streams.WithValue(r, fmt.Sprintf("%s from %s/%d/%d", r.Value, from.Topic, from.Partition, from.Offset)))
	return nil
}

func (p *whence) Close() error { return nil }
