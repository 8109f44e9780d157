package app_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/app"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// mapOf opens the offset map of the file's first flow, for looking.
func (m *mesh) mapOf(t *testing.T, file string) checkpoint.Translator {
	t.Helper()
	flow := load(t, file).Flows[0]
	a, err := kafka.NewDialer("A", connection.Connection{Bootstrap: m.a.Addrs}, nil, kgo.Dialer(m.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	b, err := kafka.NewDialer("B", connection.Connection{Bootstrap: m.b.Addrs}, nil, kgo.Dialer(m.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	by, err := app.LiveMaps{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}.Open(t.Context(), flow, a, b)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// split gives the values that a reader has got before an offset, and those it
// gets from there on.
func split(all []*kgo.Record, at int64) (read, unread map[string]bool) {
	read, unread = map[string]bool{}, map[string]bool{}
	for _, r := range all {
		if r.Offset < at {
			read[string(r.Value)] = true
		} else {
			unread[string(r.Value)] = true
		}
	}
	return read, unread
}

// Without transactions a crash repeats records: before the marks are written
// some are in the copy twice and once in the map, and before the map is written
// they are not in it. Nothing is skipped either way in either direction, and
// what is called exact is.
func TestTranslationsWhereACrashRepeatedRecords(t *testing.T) {
	const topic = "test-topic-1"
	file := (&javaRun{}).file(oneWay, "delivery = \"at-least-once\"\noffset_syncs = { emit = false }")
	for _, tc := range []struct {
		before string // the write that fails
		copies int
	}{{"mm2-lanes.A.internal", 190}, {"mm2-segments.A.internal", 150}} {
		t.Run(tc.before, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, topic, 1)
				m.start(t, file)
				time.Sleep(time.Minute)
				m.a.Produce(t, spread(topic, 0, 50, 1)...)
				time.Sleep(time.Minute)
				m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: tc.before})
				m.a.Produce(t, spread(topic, 50, 40, 1)...)
				time.Sleep(time.Minute)
				m.a.Produce(t, spread(topic, 90, 60, 1)...)
				time.Sleep(time.Minute)
				source, copies := m.a.Committed(t, topic), m.b.Committed(t, "A."+topic)
				if len(copies) != tc.copies {
					t.Fatalf("%d copies, want %d: the test does not test", len(copies), tc.copies)
				}
				by := m.mapOf(t, file)
				here, there := pipeline.Partition{Topic: topic}, pipeline.Partition{Topic: "A." + topic}
				for at := range int64(len(source) + 2) {
					checkSplit(t, "forward", at, by.Forward(here, at), source, copies)
				}
				for at := range int64(len(copies) + 2) {
					checkSplit(t, "backward", at, by.Backward(there, at), copies, source)
				}
			})
		})
	}
}

// checkSplit fails if who goes on at the translation of a position misses a
// record that was not read, or if it says that it repeats none and it does.
func checkSplit(t *testing.T, what string, at int64, tr checkpoint.Translation, from, to []*kgo.Record) {
	t.Helper()
	read, _ := split(from, at)
	_, again := split(to, tr.Offset)
	if !tr.Known {
		t.Errorf("%s %d is not known", what, at)
	}
	for _, r := range to {
		if v := string(r.Value); !read[v] && !again[v] {
			t.Errorf("%s %d: %+v skips %s", what, at, tr, v)
			return
		}
	}
	if !tr.Exact {
		return
	}
	for v := range again {
		if read[v] {
			t.Errorf("%s %d: %+v is not exact: %s is read again", what, at, tr, v)
			return
		}
	}
}
