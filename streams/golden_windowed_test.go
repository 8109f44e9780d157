package streams_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/serde"
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
func windowRows(name string, size time.Duration) func(*testing.T, *streamstest.Driver, goldenCase) {
	return func(t *testing.T, d *streamstest.Driver, c goldenCase) {
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

func countOnClose(b *streams.Builder) {
	streams.WindowedBy(grouped(b), streams.Tumbling(10*ms).WithGrace(2*ms)).
		Count(streams.Store("w"), streams.EmitOnClose()).ToStream().To("output")
}

func init() {
	skip("08-time-windows/emit-on-window-close-jump", "Kafka Streams loses results here; see TestGoldenJump")
	register("08-time-windows", map[string]program{
		"tumbling-count": {
			build: func(b *streams.Builder) {
				streams.WindowedBy(grouped(b), streams.Tumbling(10*ms).WithGrace(5*ms)).Count(streams.Store("w")).ToStream().To("output")
			},
			check: windowRows("w", 10*ms),
		},
		"hopping-sum": {build: func(b *streams.Builder) {
			w := streams.WindowedBy(grouped(b), streams.Hopping(10*ms, 4*ms))
			streams.AggregateWindow(w, empty, appended, streams.Store("h")).ToStream().To("output")
		}},
		"emit-on-window-close": {build: countOnClose},
		"windowed-to-plain": {build: func(b *streams.Builder) {
			w := streams.WindowedBy(grouped(b), streams.Tumbling(10*ms))
			t := w.Reduce(func(agg, v *string) *string { both := *agg + *v; return &both }, streams.Store("w"))
			streams.SelectKey(t.ToStream(), func(k streams.Windowed[string], _ *string) string {
				return fmt.Sprintf("%s@%d/%d", k.Key, k.Start.UnixMilli(), k.End.UnixMilli())
			}).To("output")
		}},
	})
	register("09-sliding-session-windows", map[string]program{
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

// Where Kafka Streams loses what is closed by a jump in time, ours gives it.
func TestGoldenJump(t *testing.T) {
	text, err := os.ReadFile("testdata/golden/08-time-windows.json")
	if err != nil {
		t.Fatal(err)
	}
	var f goldenFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Cases, func(c goldenCase) bool { return c.ID == "emit-on-window-close-jump" })
	if i < 0 {
		t.Fatal("the case is not in the file")
	}
	c := f.Cases[i]
	last := &c.Steps[len(c.Steps)-1]
	if len(last.Out) != 0 {
		t.Fatalf("the case has results at the jump: %v", last.Out)
	}
	last.Out = []goldenRecord{
		{Topic: "output", Key: window("a", 10, 20), Value: 1.0, At: 11},
		{Topic: "output", Key: window("c", 20, 30), Value: 1.0, At: 21},
	}
	runGolden(t, f.ApplicationID, c, program{build: countOnClose})
}

// Java's partitions for plain and windowed keys, with the partitioner of the
// producer.
func TestGoldenPartitions(t *testing.T) {
	text, err := os.ReadFile("testdata/golden/16-partitioner.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Murmur2 []struct {
			Key       string      `json:"key_hex"`
			Partition map[int]int `json:"partition"`
		} `json:"murmur2"`
		Windowed []struct {
			Key        string      `json:"key"`
			Start      int64       `json:"window_start"`
			Serialized string      `json:"serialized_hex"`
			Partition  map[int]int `json:"partition"`
		} `json:"windowed_key_partition"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Murmur2) == 0 || len(f.Windowed) == 0 {
		t.Fatal("the file has no cases")
	}
	check := func(t *testing.T, key []byte, want map[int]int) {
		t.Helper()
		p := kgo.StickyKeyPartitioner(nil).ForTopic("topic")
		for n, partition := range want {
			if got := p.Partition(&kgo.Record{Key: key}, n); got != partition {
				t.Errorf("key %x of %d partitions: partition %d, want %d", key, n, got, partition)
			}
		}
	}
	for _, c := range f.Murmur2 {
		key, err := hex.DecodeString(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		check(t, key, c.Partition)
	}
	for _, c := range f.Windowed {
		sent := sentBy(t, streams.TimeWindowedSerde(stringSerde(t), 60*time.Second), windowedKey(c.Key, c.Start, c.Start+60_000))
		if got := hex.EncodeToString(sent.Key); got != c.Serialized {
			t.Errorf("key %s at %d: sent as %s, want %s", c.Key, c.Start, got, c.Serialized)
		}
		check(t, sent.PartitionKey, c.Partition)
	}
	sent := sentBy(t, streams.SessionWindowedSerde(stringSerde(t)), windowedKey("user-1", 1, 2))
	if got := string(sent.PartitionKey); got != "user-1" {
		t.Errorf("the key of a session is placed by %q, want user-1", got)
	}
	if sent := sentBy(t, streams.SessionWindowedSerde(stringSerde(t)), windowedKey("", 1, 2)); sent.PartitionKey == nil {
		t.Error("the key of no bytes is not placed by these")
	}
}

func windowedKey(k string, start, end int64) streams.Windowed[string] {
	return streams.Windowed[string]{Key: k, Start: time.UnixMilli(start).UTC(), End: time.UnixMilli(end).UTC()}
}

func stringSerde(t testing.TB) serde.Serde[string] {
	t.Helper()
	s, ok := serde.Find[string](&serde.Registry{})
	if !ok {
		t.Fatal("there is no serde of strings")
	}
	return s
}
