package config

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"mm2/internal/properties"
	"mm2/topology"
)

var ab = topology.FlowID{Source: "a", Target: "b"}

// loadJava loads a properties file with two reachable clusters and one flow,
// and the lines given.
func loadJava(lines ...string) (*Config, error) {
	text := strings.Join(append([]string{
		"clusters = a, b", "a.bootstrap.servers = one:9092", "b.bootstrap.servers = two:9092", "a->b.enabled = true",
	}, lines...), "\n")
	return Load("test.properties", WithReadFile(func(path string) ([]byte, error) {
		switch path {
		case "test.properties":
			return []byte(text), nil
		case "/secret":
			return []byte("password = secret2"), nil
		}
		return nil, fs.ErrNotExist
	}))
}

func mustLoadJava(t testing.TB, lines ...string) *Config {
	t.Helper()
	c, err := loadJava(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantProblem loads and wants the only problem to have the text.
func wantProblem(t testing.TB, text string, lines ...string) {
	t.Helper()
	_, err := loadJava(lines...)
	if e := (*Error)(nil); !errors.As(err, &e) || len(e.Problems) != 1 || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want one problem with %q", err, text)
	}
}

func warned(c *Config, text string) bool {
	for _, w := range c.Warnings {
		if strings.Contains(w.String(), text) {
			return true
		}
	}
	return false
}

// The cases of Java's MirrorMakerConfigTest. Left out is what tests Java's own
// machinery: the class of a forwarding admin.
func TestMirrorMakerConfigTest(t *testing.T) {
	t.Run("testClusterConfigProperties", func(t *testing.T) {
		connector := readerOf(t, "clusters = a, b\na.bootstrap.servers = servers-one\nb.bootstrap.servers = servers-two\n"+
			"security.protocol = SSL\nreplication.factor = 4").raw.connectorConfig(ab)
		checkResolved(t, []resolved{
			{"connector", connector, "source.cluster.bootstrap.servers", "servers-one"},
			{"connector", connector, "target.cluster.bootstrap.servers", "servers-two"},
			{"connector", connector, "security.protocol", "SSL"},
			{"connector", connector, "source.cluster.security.protocol", "SSL"},
			{"connector", connector, "replication.factor", "4"},
		})
	})
	t.Run("testReplicationConfigProperties", func(t *testing.T) {
		connector := readerOf(t, "clusters = a, b\na->b.tasks.max = 123").raw.connectorConfig(ab)
		checkResolved(t, []resolved{{"connector", connector, "tasks.max", "123"}})
	})
	t.Run("testClientConfigProperties", testClientConfigProperties)
	t.Run("testIncludesConnectorConfigProperties", func(t *testing.T) {
		connector := readerOf(t, "clusters = a, b\ntasks.max = 100\ntopics = topic-1\ngroups = group-2\n"+
			"replication.policy.separator = __\nconfig.properties.exclude = property-3\nmetric.reporters = r\nxxx = yyy").raw.connectorConfig(ab)
		checkResolved(t, []resolved{
			{"connector", connector, "tasks.max", "100"},
			{"connector", connector, "topics", "topic-1"},
			{"connector", connector, "groups", "group-2"},
			{"connector", connector, "replication.policy.separator", "__"},
			{"connector", connector, "config.properties.exclude", "property-3"},
			{"connector", connector, "metric.reporters", "r"},
			{"connector", connector, "xxx", absent},
		})
	})
	t.Run("testIncludesTopicFilterProperties", func(t *testing.T) {
		f := mustLoadJava(t, "a->b.topics = topic1, topic2", "a->b.topics.exclude = topic3").Flows[0]
		checkMatches(t, f.Topics, map[string]bool{"topic1": true, "topic2": true, "topic3": false, "topic4": false})
	})
	t.Run("testWorkerConfigs", testWorkerConfigs)
	t.Run("testLazyConfigResolution", func(t *testing.T) {
		// Java hands placeholders on and resolves them late; what counts for us
		// is that the resolved text never shows.
		wantProblem(t, `a->b.replication.factor = ${file:/secret:password}: want a whole number from -1 to 32767`,
			"config.providers = file", "config.providers.file.class = "+properties.ProviderPackage+"FileConfigProvider",
			"a->b.replication.factor = ${file:/secret:password}")
	})
	t.Run("testAllConfigNames", func(t *testing.T) {
		for _, key := range []string{"topics", "groups", "emit.heartbeats.enabled", "emit.checkpoints.interval.seconds", "offset.lag.max"} {
			if !definedByConnectors(key) {
				t.Errorf("%s is no key of the connectors", key)
			}
		}
	})
	testClusterPairs(t)
	// Java's DedicatedMirrorIntegrationTest has an alias with every odd character
	// in it. Its topics cannot carry such a name, so it is refused here.
	t.Run("odd characters in an alias", func(t *testing.T) {
		const odd = "B- ._~:/?#[]@!$&'()*+;=\"<>%{}|\\^`618"
		_, err := Load("test.properties", WithReadFile(func(string) ([]byte, error) {
			return []byte("clusters = A, " + strings.ReplaceAll(odd, `\`, `\\`) + "\nA.bootstrap.servers = one:9092"), nil
		}))
		if err == nil || !strings.Contains(err.Error(), `an alias becomes part of topic names: " " is not one of a-z A-Z 0-9 . _ -`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("testInvalidSecurityProtocol", func(t *testing.T) {
		wantProblem(t, `security.protocol = abc: want one of "PLAINTEXT", "SSL"`, "security.protocol = abc")
	})
	t.Run("testClientInvalidSecurityProtocol", func(t *testing.T) {
		wantProblem(t, `a.admin.security.protocol = abc: mm2 has one connection for a cluster`, "a.admin.security.protocol = abc")
	})
	t.Run("testCaseInsensitiveSecurityProtocol", testCaseInsensitiveSecurityProtocol)
}

func testClientConfigProperties(t *testing.T) {
	j := readerOf(t, `
clusters = a, b
config.providers = file
config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider
replication.policy.separator = __
ssl.truststore.password = secret1
ssl.key.password = ${file:/secret:password}
security.protocol = SSL
a.security.protocol = PLAINTEXT
a.producer.security.protocol = SSL
a.bootstrap.servers = one:9092, two:9092
metrics.reporter = com.example.Reporter
a.metrics.reporter = com.example.Reporter
b->a.metrics.reporter = com.example.Reporter
a.xxx = yyy
xxx = zzz
`)
	j.readFile = func(string) ([]byte, error) { return []byte("password=secret2"), nil }
	j.resolve(j.raw, func(string) bool { return false })
	a := j.raw.connectorConfig(ab)
	checkResolved(t, []resolved{
		{"producer", a.clientConfig("source", "producer"), "security.protocol", "SSL"}, // a.producer. before a.
		{"consumer", a.clientConfig("source", "consumer"), "security.protocol", "PLAINTEXT"},
		{"admin", a.clientConfig("source", "admin"), "security.protocol", "PLAINTEXT"},
		{"admin", a.clientConfig("target", "admin"), "security.protocol", "SSL"},
		{"producer", a.clientConfig("source", "producer"), "ssl.truststore.password", "secret1"},
		{"consumer", a.clientConfig("source", "consumer"), "ssl.key.password", "secret2"},
		{"admin", a.clientConfig("source", "admin"), "bootstrap.servers", "one:9092, two:9092"},
		{"consumer", a.clientConfig("source", "consumer"), "metrics.reporter", absent},
		{"consumer", a.clientConfig("source", "consumer"), "xxx", absent},
	})
}

func testWorkerConfigs(t *testing.T) {
	j := readerOf(t, `
clusters = a, b
replication.policy.separator = __
offset.storage.replication.factor = 123
b.status.storage.replication.factor = 456
b.producer.client.id = client-one
b.security.protocol = PLAINTEXT
b.producer.security.protocol = SASL_SSL
ssl.truststore.password = secret1
b.xxx = yyy
`)
	worker, back := j.raw.workerConfig(ab), j.raw.workerConfig(ab.Reverse())
	checkResolved(t, []resolved{
		{"worker", worker, "ssl.truststore.password", "secret1"},
		{"worker", worker, "producer.ssl.truststore.password", "secret1"},
		{"worker", worker, "consumer.ssl.truststore.password", "secret1"},
		{"worker", worker, "admin.ssl.truststore.password", "secret1"},
		{"worker", worker, "client.id", "a->b"},
		{"worker", worker, "group.id", "a-mm2"},
		{"worker", worker, "offset.storage.replication.factor", "123"},
		{"worker", worker, "status.storage.replication.factor", "456"},
		{"worker", worker, "producer.client.id", "client-one"},
		{"worker", worker, "security.protocol", "PLAINTEXT"},
		{"worker", worker, "producer.security.protocol", "SASL_SSL"},
		{"worker", worker, "replication.policy.separator", "__"},
		{"worker", worker, "xxx", "yyy"},
		{"way back", back, "client.id", "b->a"},
		{"way back", back, "status.storage.replication.factor", absent},
	})
}

// testClusterPairs are the pairs of Java's cases, whose names they have.
func testClusterPairs(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"testClusterPairsWithDefaultSettings", "clusters = a, b, c", "a->b a->c b->a b->c c->a c->b"},
		{"testEmptyClusterPairsWithGloballyDisabledHeartbeats", "clusters = a, b, c\nemit.heartbeats.enabled = false", ""},
		{
			"testClusterPairsWithTwoDisabledHeartbeats",
			"clusters = a, b, c\na->b.emit.heartbeats.enabled = false\na->c.emit.heartbeats.enabled = false",
			"b->a b->c c->a c->b",
		},
		{
			"testClusterPairsWithGloballyDisabledHeartbeats",
			"clusters = a, b, c, d, e, f\nemit.heartbeats.enabled = false\na->b.enabled = true\na->c.enabled = true\nd->e.enabled = TRUE",
			"a->b a->c d->e",
		},
		{
			"testClusterPairsWithGloballyDisabledHeartbeatsCentralLocal",
			"clusters = central, one, two, beats\nemit.heartbeats.enabled = false\ncentral->one.enabled = true\n" +
				"central->two.enabled = true\nbeats->central.emit.heartbeats.enabled = true",
			"central->one central->two beats->central",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := flowIDs(readerOf(t, tt.file).herders()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func testCaseInsensitiveSecurityProtocol(t *testing.T) {
	for _, written := range []string{"ssl", "Ssl", "SSL"} {
		c := mustLoadJava(t, "security.protocol = "+written, "b.security.protocol = plainText")
		if got := c.Clusters["a"].Protocol; got != "SSL" {
			t.Errorf("%s: got %s for a", written, got)
		}
		if got := c.Clusters["b"].Protocol; got != "PLAINTEXT" {
			t.Errorf("%s: got %s for b", written, got)
		}
	}
}

// The cases of Java's MirrorConnectorConfigTest: how the configuration of each
// client of a connector is layered.
func TestMirrorConnectorConfigTest(t *testing.T) {
	plain := func(lines ...string) javaConfig {
		return readerOf(t, strings.Join(append([]string{"clusters = a, b"}, lines...), "\n")).raw.connectorConfig(ab)
	}
	cases := []struct{ name, side, role, prefix string }{
		{"testSourceConsumerConfig", "source", "consumer", "a->b.consumer."},
		{"testSourceConsumerConfigWithSourcePrefix", "source", "consumer", "a->b.source.consumer."},
		{"testSourceProducerConfig", "source", "producer", "a->b.producer."},
		{"testSourceProducerConfigWithSourcePrefix", "source", "producer", "a->b.source.producer."},
		{"testSourceAdminConfig", "source", "admin", "a->b.admin."},
		{"testSourceAdminConfigWithSourcePrefix", "source", "admin", "a->b.source.admin."},
		{"testTargetAdminConfig", "target", "admin", "a->b.admin."},
		{"testTargetAdminConfigWithSourcePrefix", "target", "admin", "a->b.target.admin."},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			checkResolved(t, []resolved{
				{tt.role, plain(tt.prefix+"max.poll.interval.ms = 12").clientConfig(tt.side, tt.role), "max.poll.interval.ms", "12"},
				{"layered " + tt.role, plain("a->b."+tt.role+".x = 1", "a->b."+tt.side+"."+tt.role+".x = 2").clientConfig(tt.side, tt.role), "x", "2"},
				{"cluster's " + tt.role, plain("a."+tt.role+".x = 1", "b."+tt.role+".x = 1", "a->b."+tt.role+".x = 2").clientConfig(tt.side, tt.role), "x", "1"},
			})
		})
	}
	t.Run("testInvalidSecurityProtocol", func(t *testing.T) {
		wantProblem(t, "b.security.protocol = abc: want one of", "b.security.protocol = abc")
	})
	t.Run("testCaseInsensitiveSecurityProtocol", testCaseInsensitiveSecurityProtocol)
	t.Run("testMetricsReporters", func(t *testing.T) {
		c := mustLoadJava(t, "metric.reporters = org.apache.kafka.common.metrics.JmxReporter")
		if !warned(c, "metric.reporters: has no effect") {
			t.Errorf("no warning: %v", c.Warnings)
		}
	})
	t.Run("testExplicitlyEnableJmxReporter", func(t *testing.T) {
		c := mustLoadJava(t, "auto.include.jmx.reporter = true")
		if !warned(c, "auto.include.jmx.reporter: has no effect") {
			t.Errorf("no warning: %v", c.Warnings)
		}
	})
	t.Run("testReplicationPolicy", func(t *testing.T) {
		f := mustLoadJava(t, "replication.policy.separator = __").Flows[0]
		if got := f.RemoteTopic("topic"); got != "a__topic" {
			t.Errorf("default policy: got %s", got)
		}
		f = mustLoadJava(t, "replication.policy.class = "+mirrorPackage+"IdentityReplicationPolicy").Flows[0]
		if got := f.RemoteTopic("topic"); got != "topic" {
			t.Errorf("identity policy: got %s", got)
		}
	})
}
