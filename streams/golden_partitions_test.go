package streams_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/streamsgolden"
	"mm2/streams"
	"mm2/streams/serde"
)

// Java's partitions for plain and windowed keys, with the partitioner of the
// producer.
func TestGoldenPartitions(t *testing.T) {
	text, err := streamsgolden.Raw("16-partitioner")
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
