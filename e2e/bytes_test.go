package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// oddRecords are those that a copy may get wrong.
var oddRecords = []struct {
	name string
	fill func(id check.ID, r *kgo.Record)
}{
	{"plain", func(_ check.ID, r *kgo.Record) { r.Key, r.Value = []byte("k"), []byte("v") }},
	{"null key", func(_ check.ID, r *kgo.Record) { r.Value = []byte("v") }},
	{"empty key", func(_ check.ID, r *kgo.Record) { r.Key, r.Value = []byte{}, []byte("v") }},
	{"tombstone", func(_ check.ID, r *kgo.Record) { r.Key = []byte("k") }},
	{"empty value", func(_ check.ID, r *kgo.Record) { r.Key, r.Value = []byte("k"), []byte{} }},
	{"nothing at all", func(_ check.ID, _ *kgo.Record) {}},
	{"no headers", func(id check.ID, r *kgo.Record) { r.Value = []byte("#" + id.String() + "#") }},
	{"repeated headers", func(_ check.ID, r *kgo.Record) {
		r.Headers = []kgo.RecordHeader{
			{Key: "h", Value: []byte("1")}, {Key: "i", Value: []byte("2")}, {Key: "h", Value: []byte("1")}, {Key: "h"},
		}
	}},
	{"null, empty and nameless headers", func(_ check.ID, r *kgo.Record) {
		r.Headers = []kgo.RecordHeader{{Key: "null"}, {Key: "empty", Value: []byte{}}, {Key: "", Value: []byte("x")}, {}}
	}},
	{"binary", func(_ check.ID, r *kgo.Record) {
		r.Key, r.Value = []byte{0, 0xff, 0xfe}, []byte{0xc3, 0x28, 0}
		r.Headers = []kgo.RecordHeader{{Key: "naïve ключ", Value: []byte{0, 1, 2, 0xff}}}
	}},
	{"1970-01-01", func(_ check.ID, r *kgo.Record) { r.Timestamp = time.UnixMilli(0) }},
	{"a millisecond later", func(_ check.ID, r *kgo.Record) { r.Timestamp = time.UnixMilli(1) }},
	{"1999", func(_ check.ID, r *kgo.Record) { r.Timestamp = time.UnixMilli(946_684_799_999) }},
	{"soon", func(_ check.ID, r *kgo.Record) { r.Timestamp = time.Now().Add(time.Minute) }},
	{"100 kB that do not compress", func(_ check.ID, r *kgo.Record) { r.Value = noise(100_000) }},
	{"100 kB that compress well", func(_ check.ID, r *kgo.Record) { r.Value = make([]byte, 100_000) }},
	{"many headers", func(_ check.ID, r *kgo.Record) {
		for i := range 300 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "h", Value: []byte{byte(i)}})
		}
	}},
}

func noise(n int) []byte {
	random := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	_, _ = random.Read(b) // never fails
	return b
}

// TestBytesAreSacred copies every odd record by every codec, and one of 5 MB.
// Old timestamps stay only because the topic keeps records for ever, on the
// target too: the copy of the topic has its settings.
func TestBytesAreSacred(t *testing.T) {
	a, b := alias{"odd_a", cluster(t, "a")}, alias{"odd_b", cluster(t, "b")}
	a.CreateTopic(t, "odd-records", 3, "retention.ms", "-1", "max.message.bytes", "8000000")
	log := check.NewLog(nil)
	w := worker(t, "bytes", mesh(`
kind = "active-standby"
active = "odd_a"
standby = "odd_b"
topics = ["odd-.*"]`, a, b))
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		write(t, a.Cluster, log, check.Workload{
			Topic: "odd-records", Limit: 20 * len(oddRecords),
			Fill: func(n int, id check.ID, r *kgo.Record) {
				r.Headers = []kgo.RecordHeader{{Key: "codec", Value: []byte(name)}}
				oddRecords[n%len(oddRecords)].fill(id, r)
			},
		}, kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	}
	write(t, a.Cluster, log, check.Workload{
		Topic: "odd-records", Limit: 3,
		Fill: func(_ int, _ check.ID, r *kgo.Record) { r.Key, r.Value = []byte("large"), noise(5<<20) },
	}, kgo.ProducerBatchMaxBytes(8_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))

	arrived := watch(t, b.Cluster, log, "odd_a.", "odd-records")
	finish(t, []*e2e.Worker{w}, arrived)
}

func TestSettingsReachTheTarget(t *testing.T) {
	a, b := alias{"set_a", cluster(t, "a")}, alias{"set_b", cluster(t, "b")}
	a.CreateTopic(t, "set-orders", 1, "retention.ms", "-1", "max.message.bytes", "8000000", "cleanup.policy", "compact")
	log := check.NewLog(nil)
	write(t, a.Cluster, log, check.Workload{Topic: "set-orders", Limit: 10})
	w := worker(t, "settings", mesh(`
kind = "active-standby"
active = "set_a"
standby = "set_b"
topics = ["set-.*"]`, a, b))
	finish(t, []*e2e.Worker{w}, watch(t, b.Cluster, log, "set_a.", "set-orders"))

	configs, err := b.Admin(t).DescribeTopicConfigs(t.Context(), "set_a.set-orders")
	if err != nil {
		t.Fatal(err)
	}
	config, err := configs.On("set_a.set-orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, c := range config.Configs {
		got[c.Key] = c.MaybeValue()
	}
	for key, want := range map[string]string{
		"retention.ms": "-1", "max.message.bytes": "8000000", "cleanup.policy": "compact",
	} {
		if got[key] != want {
			t.Errorf("%s = %q on the target, want %q", key, got[key], want)
		}
	}
}
