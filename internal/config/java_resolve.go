package config

import (
	"maps"
	"slices"
	"strings"

	"mm2/internal/properties"
	"mm2/topology"
)

// javaValue is a value with what the file says and where.
type javaValue struct {
	text string // placeholders resolved
	raw  string // as written
	key  string // the key of the file it comes from
	line int
}

// javaConfig is one of the string maps that Java passes from layer to layer.
type javaConfig map[string]javaValue

func (c javaConfig) text(key string) string { return c[key].text }

func (c javaConfig) setDefault(key string, v javaValue) {
	if _, ok := c[key]; !ok {
		c[key] = v
	}
}

// merge adds what other has, over what is there.
func (c javaConfig) merge(other javaConfig) javaConfig {
	maps.Copy(c, other)
	return c
}

// under are the entries whose key begins with prefix, without it.
func (c javaConfig) under(prefix string) javaConfig {
	found := make(javaConfig)
	for k, v := range c {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			found[rest] = v
		}
	}
	return found
}

// where are the entries whose key passes.
func (c javaConfig) where(pass func(key string) bool) javaConfig {
	found := make(javaConfig)
	for k, v := range c {
		if pass(k) {
			found[k] = v
		}
	}
	return found
}

func (c javaConfig) prefixed(prefix string) javaConfig {
	found := make(javaConfig, len(c))
	for k, v := range c {
		found[prefix+k] = v
	}
	return found
}

func hasPrefixOf(prefixes ...string) func(string) bool {
	return func(key string) bool { return hasAnyPrefix(key, prefixes) }
}

func hasAnyPrefix(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// The resolution below is that of MirrorMakerConfig. Its order decides which
// of several spellings of a setting wins, so it is kept layer by layer.

// clusterProps are the properties of one cluster.
func (c javaConfig) clusterProps(alias topology.Alias) javaConfig {
	props := c.under(string(alias) + ".")
	for _, key := range properties.ConnectionKeys {
		if v, ok := props[key]; ok {
			for _, role := range []string{"producer.", "consumer.", "admin."} {
				props.setDefault(role+key, v)
			}
		}
	}
	for _, key := range properties.ConnectionKeys {
		if v, ok := c[key]; ok {
			for _, role := range []string{"producer.", "consumer.", "admin.", ""} {
				props.setDefault(role+key, v)
			}
		}
	}
	return props
}

// workerConfig is the configuration of the Connect worker of a flow.
func (c javaConfig) workerConfig(id topology.FlowID) javaConfig {
	worker := c.clusterProps(id.Target)
	worker.merge(c.where(hasPrefixOf(workerPrefixes...)))
	worker.merge(c.where(hasPrefixOf("config.providers")))
	source := string(id.Source)
	for key, value := range map[string]string{
		"client.id":            id.String(),
		"group.id":             source + "-mm2",
		"offset.storage.topic": "mm2-offsets." + source + ".internal",
		"status.storage.topic": "mm2-status." + source + ".internal",
		"config.storage.topic": "mm2-configs." + source + ".internal",
		"key.converter":        byteArrayConverter,
		"value.converter":      byteArrayConverter,
		"header.converter":     byteArrayConverter,
	} {
		worker.setDefault(key, javaValue{text: value, raw: value})
	}
	return worker
}

const byteArrayConverter = "org.apache.kafka.connect.converters.ByteArrayConverter"

// connectorConfig is the configuration of one connector of a flow.
func (c javaConfig) connectorConfig(id topology.FlowID) javaConfig {
	connector := c.where(definedByConnectors)
	connector.merge(c.where(hasPrefixOf("config.providers", "replication.policy")))
	for side, alias := range map[string]topology.Alias{"source.": id.Source, "target.": id.Target} {
		props := c.clusterProps(alias)
		isRole := hasPrefixOf("consumer", "producer", "admin")
		connector.merge(props.where(func(k string) bool { return !isRole(k) }).prefixed(side + "cluster."))
		connector.merge(props.where(isRole).prefixed(side))
	}
	for key, value := range map[string]string{
		"source.cluster.alias": string(id.Source),
		"target.cluster.alias": string(id.Target),
	} {
		connector.setDefault(key, javaValue{text: value, raw: value})
	}
	connector.merge(c.under(id.String() + "."))
	connector.setDefault("enabled", javaValue{text: "false", raw: "false"})
	return connector
}

// clientConfig layers the configuration of a client of a connector. side is
// "source" or "target", role "consumer", "producer" or "admin".
func (c javaConfig) clientConfig(side, role string) javaConfig {
	client := c.under(side + ".cluster.").where(isClientKey)
	client.merge(c.under(role + "."))
	client.merge(c.under(side + "." + role + "."))
	if role == "consumer" {
		client["enable.auto.commit"] = javaValue{text: "false", raw: "false"}
		client.setDefault("auto.offset.reset", javaValue{text: "earliest", raw: "earliest"})
	}
	return client
}

// dataProducerConfig is what the user says about the producer that writes the
// remote topics. Connect's own defaults are left out: they are not mm2's.
func dataProducerConfig(worker, connector javaConfig) javaConfig {
	return worker.under("producer.").merge(connector.under("producer.override."))
}
