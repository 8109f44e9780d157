package settings_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/streams/internal/settings"
)

// with is a configuration that is good but for what is given. The value "-"
// removes a key.
func with(pairs ...string) map[string]string {
	config := map[string]string{"application.id": "app", "bootstrap.servers": "a:9092"}
	for i := 0; i < len(pairs); i += 2 {
		config[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "-" {
			delete(config, pairs[i])
		}
	}
	return config
}

func parse(t *testing.T, pairs ...string) settings.Settings {
	t.Helper()
	s, err := settings.Parse(with(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	got := parse(t)
	reach := connection.Connection{Bootstrap: []string{"a:9092"}}
	consumer := settings.Consumer{
		Connection: reach, FetchMinBytes: 1, FetchMaxWait: 500 * time.Millisecond, FetchMaxBytes: 50 << 20,
		PartitionMaxBytes: 1 << 20, MaxPollRecords: 1000,
	}
	want := settings.Settings{
		ApplicationID: "app", Connection: reach, NumStreamThreads: 1, Guarantee: settings.AtLeastOnce,
		CommitInterval: 30 * time.Second, PollTimeout: 100 * time.Millisecond, TaskTimeout: 5 * time.Minute,
		BufferedRecordsPerPartition: 1000, TimestampExtractor: settings.FailOnInvalidTimestamp,
		OnDecodeError: settings.Fail, OnProcessError: settings.Fail, OnProduceError: settings.Fail, HandleGlobalErrors: true,
		ReplicationFactor: -1, WindowChangelogExtraRetention: 24 * time.Hour, RepartitionPurgeInterval: 30 * time.Second,
		StateDir: "/tmp/kafka-streams", StoreEngine: settings.Persistent, StateCleanupDelay: 10 * time.Minute,
		StateMaxAge: -time.Millisecond, AcceptableRecoveryLag: 10000, MaxWarmupReplicas: 2,
		ProbingInterval: 10 * time.Minute, SummaryInterval: 2 * time.Minute,
		Main: consumer, Restore: consumer, Global: consumer, Admin: reach,
		Producer: settings.Producer{
			Connection: reach, Linger: 100 * time.Millisecond, BatchMaxBytes: 1 << 20, BufferBytes: 32 << 20, Compression: "none",
			Acks: "all", Idempotent: true, DeliveryTimeout: 2 * time.Minute, TransactionTimeout: 10 * time.Second,
		},
		Group:       settings.Group{SessionTimeout: 45 * time.Second, HeartbeatInterval: 3 * time.Second, RebalanceTimeout: 5 * time.Minute},
		OffsetReset: settings.OffsetReset{Where: settings.Earliest},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !got.TemporaryStateDir() {
		t.Error("the default state directory is not seen as temporary")
	}
}

func TestParseRuntime(t *testing.T) {
	const errs, processor = "org.apache.kafka.streams.errors.", "org.apache.kafka.streams.processor."
	tests := []struct {
		key, value string
		got        func(s settings.Settings) any
		want       any
	}{
		{"num.stream.threads", " 4 ", func(s settings.Settings) any { return s.NumStreamThreads }, 4},
		{"commit.interval.ms", "0", func(s settings.Settings) any { return s.CommitInterval }, time.Duration(0)},
		{"commit.interval.ms", "9223372036854775807", func(s settings.Settings) any { return s.CommitInterval > 290*365*24*time.Hour }, true},
		{"poll.ms", "5", func(s settings.Settings) any { return s.PollTimeout }, 5 * time.Millisecond},
		{"task.timeout.ms", "7", func(s settings.Settings) any { return s.TaskTimeout }, 7 * time.Millisecond},
		{"max.task.idle.ms", "-1", func(s settings.Settings) any { return s.MaxTaskIdle < 0 }, true},
		{"buffered.records.per.partition", "10", func(s settings.Settings) any { return s.BufferedRecordsPerPartition }, 10},
		{"default.timestamp.extractor", processor + "WallclockTimestampExtractor", func(s settings.Settings) any { return s.TimestampExtractor }, settings.WallclockTimestampExtractor},
		{"default.timestamp.extractor", "UsePartitionTimeOnInvalidTimestamp", func(s settings.Settings) any { return s.TimestampExtractor }, settings.UsePartitionTimeOnInvalid},
		{"deserialization.exception.handler", errs + "LogAndContinueExceptionHandler", func(s settings.Settings) any { return s.OnDecodeError }, settings.Continue},
		{"default.deserialization.exception.handler", errs + "LogAndContinueExceptionHandler", func(s settings.Settings) any { return s.OnDecodeError }, settings.Continue},
		{"processing.exception.handler", errs + "LogAndContinueProcessingExceptionHandler", func(s settings.Settings) any { return s.OnProcessError }, settings.Continue},
		{"default.production.exception.handler", errs + "DefaultProductionExceptionHandler", func(s settings.Settings) any { return s.OnProduceError }, settings.Fail},
		{"processing.exception.handler.global.enabled", "False", func(s settings.Settings) any { return s.HandleGlobalErrors }, false},
		{"errors.dead.letter.queue.topic.name", "dlq", func(s settings.Settings) any { return s.DeadLetterTopic }, "dlq"},
		{"replication.factor", "3", func(s settings.Settings) any { return s.ReplicationFactor }, int16(3)},
		{"topic.retention.ms", "9", func(s settings.Settings) any { return s.InternalTopicConfig["retention.ms"] }, "9"},
		{"windowstore.changelog.additional.retention.ms", "9", func(s settings.Settings) any { return s.WindowChangelogExtraRetention }, 9 * time.Millisecond},
		{"repartition.purge.interval.ms", "9", func(s settings.Settings) any { return s.RepartitionPurgeInterval }, 9 * time.Millisecond},
		{"state.dir", "/var/lib/app", func(s settings.Settings) any {
			return s.StateDir + " " + map[bool]string{true: "temp"}[s.TemporaryStateDir()]
		}, "/var/lib/app "},
		{"state.cleanup.delay.ms", "9", func(s settings.Settings) any { return s.StateCleanupDelay }, 9 * time.Millisecond},
		{"state.cleanup.dir.max.age.ms", "0", func(s settings.Settings) any { return s.StateMaxAge }, time.Duration(0)},
		{"default.dsl.store", "in_memory", func(s settings.Settings) any { return s.StoreEngine }, settings.InMemory},
		{"dsl.store.suppliers.class", "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers", func(s settings.Settings) any { return s.StoreEngine }, settings.InMemory},
		{"num.standby.replicas", "1", func(s settings.Settings) any { return s.NumStandbyReplicas }, 1},
		{"acceptable.recovery.lag", "0", func(s settings.Settings) any { return s.AcceptableRecoveryLag }, int64(0)},
		{"max.warmup.replicas", "5", func(s settings.Settings) any { return s.MaxWarmupReplicas }, 5},
		{"probing.rebalance.interval.ms", "60000", func(s settings.Settings) any { return s.ProbingInterval }, time.Minute},
		{"application.server", "me:80", func(s settings.Settings) any { return s.ApplicationServer }, "me:80"},
		{"log.summary.interval.ms", "-1", func(s settings.Settings) any { return s.SummaryInterval < 0 }, true},
		{"client.id", "me", func(s settings.Settings) any { return s.Connection.Client.ID }, "me"},
		{"processing.guarantee", "exactly_once_v2", func(s settings.Settings) any { return s.Guarantee }, settings.ExactlyOnceV2},
		{"processing.guarantee", "exactly_once_v2", func(s settings.Settings) any { return s.CommitInterval }, 100 * time.Millisecond},
		{"processing.guarantee", "exactly_once_v2", func(s settings.Settings) any {
			return s.Main.ReadCommitted && s.Restore.ReadCommitted && s.Global.ReadCommitted
		}, true},
		{"processing.guarantee", "exactly_once_v2", func(s settings.Settings) any { return s.Producer.DeliveryTimeout }, time.Duration(0)},
	}
	for _, tt := range tests {
		t.Run(tt.key+"="+tt.value, func(t *testing.T) {
			if got := tt.got(parse(t, tt.key, tt.value)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	exact := parse(t, "processing.guarantee", "exactly_once_v2", "commit.interval.ms", "500")
	if exact.CommitInterval != 500*time.Millisecond {
		t.Errorf("commit interval %v", exact.CommitInterval)
	}
}

// Each message says which key, which value, and what is allowed.
func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no application", []string{"application.id", "-"}, "application.id: is missing"},
		{"illegal application", []string{"application.id", "my app"}, "application.id = my app: has the character ' '"},
		{"no brokers", []string{"bootstrap.servers", " "}, "bootstrap.servers: is missing"},
		{"bad broker", []string{"bootstrap.servers", "a:9092,b"}, "bootstrap.servers = a:9092,b: want host:port"},
		{"unknown", []string{"num.stream.thread", "2"}, "num.stream.thread = 2: is not a setting of Kafka Streams that mm2 knows; did you mean num.stream.threads?"},
		{"no number", []string{"num.stream.threads", "two"}, "num.stream.threads = two: want a whole number from 1"},
		{"too small", []string{"num.stream.threads", "0"}, "want a whole number from 1"},
		{"idle", []string{"max.task.idle.ms", "-2"}, "want a whole number from -1"},
		{"probing", []string{"probing.rebalance.interval.ms", "59999"}, "want a whole number from 60000"},
		{"replicas", []string{"replication.factor", "0"}, "want a number of replicas, or -1"},
		{"removed guarantee", []string{"processing.guarantee", "exactly_once"}, "use exactly_once_v2"},
		{"removed beta", []string{"processing.guarantee", "exactly_once_beta"}, "was removed in Kafka 4.0"},
		{"typo", []string{"processing.guarantee", "exactly_once_v3"}, "did you mean exactly_once_v2?"},
		{"own handler", []string{"deserialization.exception.handler", "com.example.Mine"}, "mm2 runs no Java code: want one of \"org.apache.kafka.streams.errors.LogAndContinueExceptionHandler\""},
		{"old name", []string{"default.production.exception.handler", "x"}, "default.production.exception.handler = x"},
		{"own extractor", []string{"default.timestamp.extractor", "com.example.Mine"}, "or set an extractor in Go"},
		{"bool", []string{"processing.exception.handler.global.enabled", "yes"}, "want true or false"},
		{"dead letters", []string{"errors.dead.letter.queue.topic.name", "a/b"}, "has the character '/'"},
		{"no directory", []string{"state.dir", ""}, "state.dir: want a directory"},
		{"server", []string{"application.server", "me"}, "want host:port"},
		{"store", []string{"default.dsl.store", "rocksdb"}, "did you mean rocksDB?"},
		{"cache", []string{"cache.max.bytes.buffering", "10"}, "cache.max.bytes.buffering = 10: there is no record cache: want 0"},
		{"transaction", []string{"processing.guarantee", "exactly_once_v2", "commit.interval.ms", "20000"}, "commit.interval.ms = 20000: with exactly_once_v2 want producer.transaction.timeout.ms (10000) of at least commit.interval.ms (20000)"},
		{"short transaction", []string{"processing.guarantee", "exactly_once_v2", "producer.transaction.timeout.ms", "50"}, "producer.transaction.timeout.ms = 50: with"},
		{"acks", []string{"processing.guarantee", "exactly_once_v2", "acks", "1"}, "acks = 1: want all"},
		{"acks with idempotence", []string{"producer.acks", "0", "producer.enable.idempotence", "true"}, "producer.acks = 0: want all"},
		{"acks in words", []string{"producer.acks", "some"}, "want one of"},
		{"compression", []string{"producer.compression.type", "lz5"}, "did you mean lz4?"},
		{"heartbeat", []string{"heartbeat.interval.ms", "45000"}, "want heartbeat.interval.ms (45000) below session.timeout.ms (45000)"},
		{"session", []string{"session.timeout.ms", "3000"}, "session.timeout.ms = 3000: want heartbeat"},
		{"reset", []string{"auto.offset.reset", "newest"}, "want one of"},
		{"reset by duration", []string{"main.consumer.auto.offset.reset", "by_duration:1h"}, "want a duration such as"},
		{"reset by nothing", []string{"auto.offset.reset", "by_duration:PT"}, "want a duration such as"},
		{"other cluster", []string{"producer.bootstrap.servers", "b:9092"}, "producer.bootstrap.servers = b:9092: all clients of an application work on one cluster"},
		{"protocol", []string{"security.protocol", "TLS"}, "security.protocol = TLS: want one of"},
		{"sasl", []string{"security.protocol", "SASL_SSL"}, "needs sasl.mechanism"},
		{"timeout", []string{"consumer.request.timeout.ms", "soon"}, "consumer.request.timeout.ms = soon: want a whole number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := settings.Parse(with(tt.pairs...))
			var all *properties.Error
			if !errors.As(err, &all) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got:\n%v\nwant %q in it", err, tt.want)
			}
			if all != nil && len(all.Problems) != 1 {
				t.Errorf("want one problem, got:\n%v", err)
			}
		})
	}
}

func TestParseReportsAllAtOnce(t *testing.T) {
	_, err := settings.Parse(map[string]string{"poll.ms": "x", "nonsense": "1", "upgrade.from": "3.9"})
	var all *properties.Error
	if !errors.As(err, &all) || len(all.Problems) != 5 {
		t.Errorf("got:\n%v", err)
	}
}

func TestParseWarns(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"default.deserialization.exception.handler", "LogAndFailExceptionHandler", "is an old name of deserialization.exception.handler"},
		{"cache.max.bytes.buffering", "0", "is an old name of statestore.cache.max.bytes"},
		{"default.dsl.store", "rocksDB", "is deprecated in Kafka"},
		{"metrics.recording.level", "DEBUG", "has no effect"},
		{"enable.auto.commit", "true", "Streams sets it itself: false"},
		{"consumer.enable.auto.commit", "true", "Streams sets it itself: false"},
		{"main.consumer.allow.auto.create.topics", "true", "Streams sets it itself: false"},
		{"consumer.group.id", "g", "Streams sets it itself: the application.id"},
		{"producer.transactional.id", "t", "Streams sets it itself"},
		{"consumer.client.id", "me", "Streams names its clients itself; set client.id"},
		{"producer.batch.size", "16384", "nothing in mm2's clients corresponds to it"},
		{"send.buffer.bytes", "1", "nothing in mm2's clients corresponds to it"},
		{"restore.consumer.session.timeout.ms", "9", "nothing in mm2's clients corresponds to it"},
		{"restore.consumer.auto.offset.reset", "latest", "stores read their topics from the start"},
		{"consumer.of.my.own", "x", "mm2's clients have no such setting"},
		{"consumer.fetch.min.byte", "x", "did you mean fetch.min.bytes?"},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			w := parse(t, tt.key, tt.value).Warnings
			if len(w) != 1 || w[0].Key != tt.key || !strings.Contains(w[0].String(), tt.want) {
				t.Errorf("got %v, want %q", w, tt.want)
			}
		})
	}
	for key, value := range map[string]string{
		"isolation.level": "read_uncommitted", "producer.enable.idempotence": "false",
	} {
		w := parse(t, "processing.guarantee", "exactly_once_v2", key, value).Warnings
		if len(w) != 1 || w[0].Key != key || !strings.Contains(w[0].Rule, "with exactly_once_v2 it is") {
			t.Errorf("%s: got %v", key, w)
		}
	}
	for _, quiet := range [][2]string{{"enable.auto.commit", "false"}, {"group.protocol", "classic"}, {"restore.consumer.auto.offset.reset", "none"}} {
		if w := parse(t, quiet[0], quiet[1]).Warnings; len(w) > 0 {
			t.Errorf("%s: got %v", quiet[0], w)
		}
	}
}

func TestOldNameLosesToNewOne(t *testing.T) {
	s := parse(t, "default.deserialization.exception.handler", "LogAndFailExceptionHandler",
		"deserialization.exception.handler", "LogAndContinueExceptionHandler")
	if s.OnDecodeError != settings.Continue {
		t.Errorf("got %v", s.OnDecodeError)
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	load := func(text string) (settings.Settings, string, error) {
		path := filepath.Join(dir, "app.properties")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := settings.LoadFile(path)
		return s, path, err
	}
	s, path, err := load("# mine\napplication.id = app\nbootstrap.servers=a:1,\\\n  b:2\npoll.ms=1\npoll.ms=2\n")
	if err != nil || s.PollTimeout != 2*time.Millisecond || len(s.Connection.Bootstrap) != 2 {
		t.Errorf("got %+v, %v", s, err)
	}
	if len(s.Warnings) != 1 || s.Warnings[0].String() != path+":6: poll.ms = 2: repeats line 5; the last one counts" {
		t.Errorf("warnings %v", s.Warnings)
	}
	_, _, err = load("application.id = app\n\npoll.ms = -1\nx = \\u12\nbootstrap.servers = a:1\n")
	want := path + ":3: poll.ms = -1: want a whole number from 0\n" +
		path + `:4: \u wants four hexadecimal digits; write \\u for a backslash and a u` + "\n" +
		path + ":4: x = 12: is not a setting of Kafka Streams that mm2 knows"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if _, err := settings.LoadFile(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("auto.offset.reset", "by_duration:P1DT2H3M4.5S", "acks", "-1")
	f.Add("processing.guarantee", "exactly_once_v2", "sasl.jaas.config", "a required b=c;")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		config := with(k1, v1, k2, v2)
		before := maps.Clone(config)
		s, err := settings.Parse(config)
		if err == nil && (s.ApplicationID == "" || len(s.Connection.Bootstrap) == 0 || s.CommitInterval < 0 || s.OffsetReset.Back < 0) {
			t.Errorf("%+v", s)
		}
		if !maps.Equal(before, config) {
			t.Error("the configuration was changed")
		}
	})
}
