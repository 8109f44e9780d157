package check_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/check"
)

// record is record n of the test's producer, in a source partition.
func record(n int, partition int32) *kgo.Record {
	return &kgo.Record{
		Topic: "t", Partition: partition, Offset: int64(n) + 100,
		Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(1_000_000),
		Headers: []kgo.RecordHeader{
			{Key: "h", Value: []byte("1")},
			{Key: "h"},
			{Key: check.Header, Value: []byte(check.NewID(1, uint64(n)).String())},
		},
	}
}

// copyOf is the copy of r at an offset of A.t.
func copyOf(r *kgo.Record, offset int64) *kgo.Record {
	c := *r
	c.Topic, c.Offset = "A.t", offset
	c.Headers = slices.Clone(r.Headers)
	return &c
}

func prefixed(topic string) string { return "A." + topic }

// wrong is what a report says, by kind.
type wrong struct{ Lost, Duplicated, Reordered, Altered, AbortedVisible, Unexpected int }

func wrongIn(r check.Report) wrong {
	return wrong{
		r.Lost.Count, r.Duplicated.Count, r.Reordered.Count, r.Altered.Count,
		r.AbortedVisible.Count, r.Unexpected.Count,
	}
}

func TestReport(t *testing.T) {
	tests := []struct {
		name      string
		do        func(l *check.Log, v *check.View)
		want      wrong
		delivered int
		example   string // must be in the detail
	}{
		{name: "nothing", do: func(*check.Log, *check.View) {}},
		{
			name: "all there", delivered: 3,
			do: func(l *check.Log, v *check.View) {
				for n := range 3 {
					l.Acked(record(n, 0))
					v.Saw(copyOf(record(n, 0), int64(n)))
				}
			},
		},
		{
			name: "seen before acknowledged", delivered: 1,
			do: func(l *check.Log, v *check.View) {
				v.Saw(copyOf(record(0, 0), 0))
				l.Acked(record(0, 0))
			},
		},
		{
			name: "lost", want: wrong{Lost: 2}, delivered: 1, example: "lost: record 000001-1: t-0@101",
			do: func(l *check.Log, v *check.View) {
				for n := range 3 {
					l.Acked(record(n, 0))
				}
				v.Saw(copyOf(record(0, 0), 0))
			},
		},
		{
			name: "twice and a third time", want: wrong{Duplicated: 2}, delivered: 1,
			example: "duplicated: record 000001-0: A.t-0@0 and again A.t-0@7",
			do: func(l *check.Log, v *check.View) {
				l.Acked(record(0, 0))
				v.Saw(copyOf(record(0, 0), 0))
				v.Saw(copyOf(record(0, 0), 7))
				v.Saw(copyOf(record(0, 0), 9))
			},
		},
		{
			name: "read again at the same offset", delivered: 1,
			do: func(l *check.Log, v *check.View) {
				l.Acked(record(0, 0))
				v.Saw(copyOf(record(0, 0), 3))
				v.Saw(copyOf(record(0, 0), 3))
			},
		},
		{
			name: "one record moved to the front", want: wrong{Reordered: 1}, delivered: 5,
			example: "reordered: record 000001-4: t-0@104 -> A.t-0@0",
			do: func(l *check.Log, v *check.View) {
				for n, offset := range []int64{1, 2, 3, 4, 0} {
					l.Acked(record(n, 0))
					v.Saw(copyOf(record(n, 0), offset))
				}
			},
		},
		{
			name: "reversed", want: wrong{Reordered: 3}, delivered: 4,
			do: func(l *check.Log, v *check.View) {
				for n := range 4 {
					l.Acked(record(n, 0))
					v.Saw(copyOf(record(n, 0), int64(10-n)))
				}
			},
		},
		{
			name: "partitions do not wait for each other", delivered: 4,
			do: func(l *check.Log, v *check.View) {
				for n, offset := range []int64{5, 3, 6, 4} {
					l.Acked(record(n, int32(n%2)))
					v.Saw(copyOf(record(n, int32(n%2)), offset))
				}
			},
		},
		{
			name: "in another partition", want: wrong{Altered: 1}, delivered: 1,
			example: "altered: record 000001-0: t-0@100 -> A.t-1@0: partition",
			do: func(l *check.Log, v *check.View) {
				l.Acked(record(0, 0))
				c := copyOf(record(0, 0), 0)
				c.Partition = 1
				v.Saw(c)
			},
		},
		{
			name: "in another topic", want: wrong{Altered: 1}, delivered: 1, example: "topic (want A.t)",
			do: func(l *check.Log, v *check.View) {
				l.Acked(record(0, 0))
				c := copyOf(record(0, 0), 0)
				c.Topic = "B.t"
				v.Saw(c)
			},
		},
		{
			name: "aborted and not seen",
			do:   func(l *check.Log, _ *check.View) { l.Aborted(record(0, 0)) },
		},
		{
			name: "aborted and seen", want: wrong{AbortedVisible: 1},
			example: "aborted but visible: record 000001-0: A.t-0@0",
			do: func(l *check.Log, v *check.View) {
				l.Aborted(record(0, 0))
				v.Saw(copyOf(record(0, 0), 0))
			},
		},
		{
			name: "unknown outcome: one there, one not", delivered: 1,
			do: func(l *check.Log, v *check.View) {
				l.Maybe(record(0, 0))
				l.Maybe(record(1, 0))
				v.Saw(copyOf(record(1, 0), 0))
			},
		},
		{
			name: "unknown outcome, twice and altered", want: wrong{Duplicated: 1, Altered: 1}, delivered: 1,
			do: func(l *check.Log, v *check.View) {
				l.Maybe(record(0, 0))
				c := copyOf(record(0, 0), 0)
				c.Value = nil
				v.Saw(c)
				v.Saw(copyOf(record(0, 0), 1))
			},
		},
		{
			name: "unknown outcome, found on the source", want: wrong{Lost: 1},
			do: func(l *check.Log, _ *check.View) {
				l.Maybe(record(0, 0))
				l.Acked(record(0, 0))
			},
		},
		{
			name: "never produced", want: wrong{Unexpected: 2}, example: "unexpected: record 000001-5: A.t-0@1 was never produced",
			do: func(_ *check.Log, v *check.View) {
				v.Saw(copyOf(record(5, 0), 1))
				v.Saw(&kgo.Record{Topic: "A.t", Value: []byte("stranger")})
			},
		},
		{
			name: "produced without an id", want: wrong{Unexpected: 1}, example: "t-0@4 was produced without an id",
			do: func(l *check.Log, _ *check.View) { l.Acked(&kgo.Record{Topic: "t", Offset: 4}) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := check.NewLog(nil)
			view := log.View(prefixed)
			tt.do(log, view)
			report := view.Report()
			if diff := cmp.Diff(tt.want, wrongIn(report)); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, report.Detail())
			}
			if report.Delivered != tt.delivered {
				t.Errorf("delivered %d, want %d", report.Delivered, tt.delivered)
			}
			if ok := tt.want == (wrong{}); report.OK() != ok || (report.Err() == nil) != ok {
				t.Errorf("OK() = %v, Err() = %v", report.OK(), report.Err())
			}
			if !strings.Contains(report.Detail(), tt.example) {
				t.Errorf("detail lacks %q:\n%s", tt.example, report.Detail())
			}
			if missing := view.Missing(); missing != tt.want.Lost {
				t.Errorf("Missing() = %d, want %d", missing, tt.want.Lost)
			}
		})
	}
}

func TestReportAltered(t *testing.T) {
	tests := []struct {
		name     string
		original func(r *kgo.Record)
		alter    func(r *kgo.Record)
		want     string // the end of the example; empty: nothing altered
	}{
		{name: "untouched", alter: func(*kgo.Record) {}},
		{name: "key", alter: func(r *kgo.Record) { r.Key = []byte("K") }, want: ": key"},
		{name: "key became null", alter: func(r *kgo.Record) { r.Key = nil }, want: ": key (became null)"},
		{
			name: "null key became empty", original: func(r *kgo.Record) { r.Key = nil },
			alter: func(r *kgo.Record) { r.Key = []byte{} }, want: ": key (was null)",
		},
		{
			name: "empty value became null", original: func(r *kgo.Record) { r.Value = []byte{} },
			alter: func(r *kgo.Record) { r.Value = nil }, want: ": value (became null)",
		},
		{name: "value", alter: func(r *kgo.Record) { r.Value = []byte("w") }, want: ": value"},
		{name: "timestamp", alter: func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(time.Millisecond) }, want: ": timestamp"},
		{name: "below a millisecond", alter: func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(time.Microsecond) }},
		{name: "header value", alter: func(r *kgo.Record) { r.Headers[0].Value = []byte("2") }, want: ": headers"},
		{name: "header became empty", alter: func(r *kgo.Record) { r.Headers[1].Value = []byte{} }, want: ": headers"},
		{name: "headers swapped", alter: func(r *kgo.Record) { r.Headers[0], r.Headers[1] = r.Headers[1], r.Headers[0] }, want: ": headers"},
		{name: "repeated header merged", alter: func(r *kgo.Record) { r.Headers = r.Headers[1:] }, want: ": headers"},
		{
			name:     "bytes moved between header key and value",
			original: func(r *kgo.Record) { r.Headers[0] = kgo.RecordHeader{Key: "ab", Value: []byte("c")} },
			alter:    func(r *kgo.Record) { r.Headers[0] = kgo.RecordHeader{Key: "a", Value: []byte("bc")} },
			want:     ": headers",
		},
		{
			name:  "several",
			alter: func(r *kgo.Record) { r.Key, r.Value, r.Timestamp = nil, nil, time.UnixMilli(0) },
			want:  ": key (became null), value (became null), timestamp",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := record(0, 0)
			if tt.original != nil {
				tt.original(r)
			}
			log := check.NewLog(nil)
			view := log.View(nil)
			log.Acked(r)
			c := copyOf(r, 0)
			tt.alter(c)
			view.Saw(c)
			got := strings.Join(view.Report().Altered.Examples, "\n")
			if (tt.want == "") != (got == "") || !strings.HasSuffix(got, tt.want) {
				t.Errorf("examples %q, want the end %q", got, tt.want)
			}
		})
	}
}

func TestReportShowsTheFirstExamplesOnly(t *testing.T) {
	log := check.NewLog(nil)
	for n := range 2 * check.MaxExamples {
		log.Acked(record(n, 0))
	}
	report := log.View(nil).Report()
	if len(report.Lost.Examples) != check.MaxExamples || report.Lost.Count != 2*check.MaxExamples {
		t.Errorf("%d examples of %d", len(report.Lost.Examples), report.Lost.Count)
	}
	if !strings.Contains(report.Detail(), "lost: 5 more") {
		t.Error(report.Detail())
	}
}

func TestSum(t *testing.T) {
	log := check.NewLog(nil)
	log.Acked(record(0, 0))
	log.Aborted(record(1, 0))
	log.Maybe(record(2, 0))
	good := log.View(nil)
	good.Saw(copyOf(record(0, 0), 0))
	sum := check.Sum(good.Report(), log.View(nil).Report())
	const want = "produced 2 (and 2 with unknown outcome) (and 2 in aborted transactions), delivered 1," +
		" lost 1, duplicated 0, reordered 0, altered 0, aborted but visible 0, unexpected 0"
	if got := sum.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if counts := log.Counts(); counts != (check.Counts{Acked: 1, Maybe: 1, Aborted: 1}) {
		t.Errorf("Counts() = %+v", counts)
	}
}
