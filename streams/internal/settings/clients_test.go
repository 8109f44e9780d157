package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/streams/internal/settings"
)

func TestSpecialPrefixesWin(t *testing.T) {
	s := parse(t,
		"fetch.min.bytes", "2", "consumer.fetch.min.bytes", "3", "restore.consumer.fetch.min.bytes", "4",
		"max.poll.records", "7", "global.consumer.max.poll.records", "8",
		"request.timeout.ms", "1000", "producer.request.timeout.ms", "2000", "admin.request.timeout.ms", "3000",
		"consumer.client.rack", "r1", "main.consumer.client.rack", "r2",
		"linger.ms", "1", "producer.linger.ms", "5",
	)
	if got := []int32{s.Main.FetchMinBytes, s.Restore.FetchMinBytes, s.Global.FetchMinBytes}; !cmp.Equal(got, []int32{3, 4, 3}) {
		t.Errorf("fetch.min.bytes %v", got)
	}
	if got := []int{s.Main.MaxPollRecords, s.Restore.MaxPollRecords, s.Global.MaxPollRecords}; !cmp.Equal(got, []int{7, 7, 8}) {
		t.Errorf("max.poll.records %v", got)
	}
	timeouts := []time.Duration{
		s.Connection.Client.RequestTimeout, s.Main.Connection.Client.RequestTimeout,
		s.Producer.Connection.Client.RequestTimeout, s.Admin.Client.RequestTimeout,
	}
	if want := []time.Duration{time.Second, time.Second, 2 * time.Second, 3 * time.Second}; !cmp.Equal(timeouts, want) {
		t.Errorf("request.timeout.ms %v", timeouts)
	}
	racks := []string{s.Main.Connection.Client.Rack, s.Restore.Connection.Client.Rack, s.Producer.Connection.Client.Rack}
	if !cmp.Equal(racks, []string{"r2", "r1", ""}) {
		t.Errorf("client.rack %v", racks)
	}
	if s.Producer.Linger != 5*time.Millisecond {
		t.Errorf("linger.ms %v", s.Producer.Linger)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestSecurityIsThatOfTheService(t *testing.T) {
	const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="hunter2";`
	s := parse(t,
		"security.protocol", "SASL_SSL", "sasl.mechanism", "SCRAM-SHA-512", "sasl.jaas.config", login,
		"ssl.truststore.location", "/ca.pem", "ssl.truststore.type", "pem",
		"producer.sasl.jaas.config", strings.ReplaceAll(login, `"u"`, `"writer"`),
	)
	want := connection.Connection{
		Bootstrap: []string{"a:9092"}, Protocol: connection.SASLSSL,
		TLS:  connection.TLS{Trust: connection.Store{File: "/ca.pem", Type: connection.PEM}},
		SASL: connection.SASL{Mechanism: connection.ScramSHA512, Username: "u", Password: "hunter2"},
	}
	for _, got := range []connection.Connection{s.Connection, s.Main.Connection, s.Restore.Connection, s.Global.Connection, s.Admin} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	if got := s.Producer.Connection.SASL.Username; got != "writer" {
		t.Errorf("the producer is %s", got)
	}
	_, err := settings.Parse(with("security.protocol", "SASL_SSL", "sasl.mechanism", "PLAIN", "sasl.jaas.config", login))
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "does not belong to sasl.mechanism PLAIN") {
		t.Errorf("got %v", err)
	}
}

func TestOffsetReset(t *testing.T) {
	for text, want := range map[string]settings.OffsetReset{
		"latest":                   {Where: settings.Latest},
		"none":                     {Where: settings.None},
		"earliest":                 {Where: settings.Earliest},
		"by_duration:PT1H":         {Where: settings.ByDuration, Back: time.Hour},
		"by_duration:P1DT2H3M4.5S": {Where: settings.ByDuration, Back: 26*time.Hour + 3*time.Minute + 4500*time.Millisecond},
		"by_duration:P99999D":      {Where: settings.ByDuration, Back: 99999 * 24 * time.Hour},
	} {
		if got := parse(t, "auto.offset.reset", text).OffsetReset; got != want {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

func TestProducerSafety(t *testing.T) {
	tests := []struct {
		pairs      []string
		acks       string
		idempotent bool
	}{
		{nil, "all", true},
		{[]string{"acks", "-1"}, "all", true},
		{[]string{"acks", "1"}, "1", false},
		{[]string{"enable.idempotence", "false"}, "all", false},
		{[]string{"acks", "0", "producer.enable.idempotence", "false"}, "0", false},
		{[]string{"processing.guarantee", "exactly_once_v2", "enable.idempotence", "false"}, "all", true},
	}
	for _, tt := range tests {
		p := parse(t, tt.pairs...).Producer
		if p.Acks != tt.acks || p.Idempotent != tt.idempotent {
			t.Errorf("%v: got %+v", tt.pairs, p)
		}
	}
}

// The client library takes whatever Kafka's clients take.
func TestOptsAreValid(t *testing.T) {
	const least, most = "1", "2147483647"
	for _, pairs := range [][]string{
		nil,
		{"acks", "0"},
		{
			"fetch.min.bytes", least, "fetch.max.wait.ms", "0", "fetch.max.bytes", least, "max.partition.fetch.bytes", least, "check.crcs", "false",
			"linger.ms", "0", "max.request.size", least, "buffer.memory", least, "delivery.timeout.ms", least, "transaction.timeout.ms", least,
			"heartbeat.interval.ms", least, "session.timeout.ms", "2", "max.poll.interval.ms", least, "group.instance.id", "i",
		},
		{
			"fetch.min.bytes", most, "fetch.max.wait.ms", most, "fetch.max.bytes", most, "max.partition.fetch.bytes", most,
			"linger.ms", most, "max.request.size", most, "buffer.memory", most, "delivery.timeout.ms", most, "transaction.timeout.ms", most,
			"session.timeout.ms", most, "max.poll.interval.ms", most, "compression.type", "zstd",
		},
	} {
		s := parse(t, pairs...)
		base := []kgo.Opt{kgo.SeedBrokers("a:9092")}
		member := append(append(base, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t")), s.Main.Opts()...)
		if err := kgo.ValidateOpts(append(member, s.Group.Opts(1)...)...); err != nil {
			t.Errorf("%v: member: %v", pairs, err)
		}
		producer := append(base, s.Producer.Opts()...)
		if s.Producer.Idempotent {
			producer = append(producer, kgo.TransactionalID("t"), kgo.TransactionTimeout(s.Producer.TransactionTimeout))
		}
		if err := kgo.ValidateOpts(producer...); err != nil {
			t.Errorf("%v: producer: %v", pairs, err)
		}
	}
}

func TestStaticMembersAreTold(t *testing.T) {
	s := parse(t, "main.consumer.group.instance.id", "node-a")
	cl, err := kgo.NewClient(append(s.Group.Opts(2), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if got := cl.OptValue(kgo.InstanceID); got != any("node-a-2") {
		t.Errorf("got %v", got)
	}
}
