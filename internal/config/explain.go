package config

import (
	"fmt"
	"os"
	"strings"

	"mm2/internal/properties"
	"mm2/topology"
)

// Setting is one setting of a flow as it counts, with what decided it.
type Setting struct {
	Key    string // as in TOML: "groups.sync"
	Value  string // as in TOML; of a text behind a placeholder the placeholder
	Origin string // `line 12: defaults.groups.sync`, several after commas, or which default
}

// ExplainedFlow are all settings of one flow.
type ExplainedFlow struct {
	ID       topology.FlowID
	Settings []Setting
}

// Explain reads what [Load] reads and says for each setting of each flow what
// it is and which line decided it: layers, prefixes and precedence made
// visible. It fails as Load does.
func Explain(path string, opts ...Option) ([]ExplainedFlow, error) {
	s := &source{file: path, lookup: os.LookupEnv, readFile: os.ReadFile}
	for _, opt := range opts {
		opt(s)
	}
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	flows := make([]ExplainedFlow, len(c.Flows))
	for i, d := range s.drafts { // sorted like the flows
		flows[i].ID = d.flow.ID
		for _, setting := range flowSettings(d, s.drafts) {
			flows[i].Settings = append(flows[i].Settings, d.explain(setting))
		}
		for n, s := range d.flow.Streams {
			flows[i].Settings = append(flows[i].Settings, Setting{
				Key: "streams." + s.Name, Value: tomlText(string(s.Kind) + ": " + s.String()),
				Origin: fmt.Sprintf("line %d: %s", d.stages[n].line, d.stages[n].key),
			})
		}
	}
	return flows, nil
}

func (d *draft) explain(s setting) Setting {
	e := Setting{Key: s.key, Value: s.value, Origin: "default"}
	places := d.origin[s.key]
	switch {
	case len(places) > 0:
		origins := make([]string, len(places))
		for i, at := range places {
			origins[i] = fmt.Sprintf("line %d: %s", at.line, at.key)
		}
		e.Origin = strings.Join(origins, ", ")
		if raw := places[0].value; s.hidden || s.value != "" && strings.ContainsAny(s.value[:1], `"'`) && properties.ProviderPlaceholder.MatchString(raw) {
			e.Value = raw
		}
	case d.javaDefault[s.key]:
		e.Origin = "Java's default"
	case s.key == "rate_limit":
		e.Value = "none"
	case strings.HasPrefix(s.key, "fetch."), strings.HasPrefix(s.key, "produce."):
		e.Value = "mm2's choice" // zero stands for it
	}
	return e
}

// noteOrigins remembers which settings of a flow the table decides.
func (t *tomlTable) noteOrigins(d *draft, prefix string) {
	for key, value := range t.values {
		if below, isTable := value.(map[string]any); isTable {
			t.child(t.path.key(key), dotted(t.name, key), below).noteOrigins(d, prefix+key+".")
			continue
		}
		d.origin[prefix+key] = []place{t.place(key)}
	}
}

// noteOrigins remembers which keys of the file decided the settings of a flow.
func (j *javaReader) noteOrigins(d *draft, connector, worker javaConfig) {
	consumer, producer := connector.clientConfig("source", "consumer"), dataProducerConfig(worker, connector)
	for _, layer := range []struct {
		config javaConfig
		keys   map[string]string // Java's, by that of TOML
	}{
		{worker, workerOrigins},
		{connector, connectorOrigins}, // after the workers': offsets.storage.topic wins
		{consumer, consumerOrigins},
		{producer, producerOrigins},
	} {
		for key, java := range layer.keys {
			var places []place
			for name := range strings.FieldsSeq(java) {
				if v, ok := layer.config[name]; ok && v.line > 0 {
					places = append(places, v.place())
				}
			}
			if len(places) > 0 {
				d.origin[key] = places
			}
		}
	}
	if !d.transactionTimeoutSet { // said, but longer than the session
		delete(d.origin, "transaction_timeout")
	}
}

// Which keys decide a setting, alone or together.
var (
	connectorOrigins = map[string]string{
		"topics":                          "topics",
		"topics_exclude":                  "topics.exclude",
		"config_exclude":                  "config.properties.exclude",
		"copy":                            "enabled",
		"replicate_heartbeats":            "heartbeats.replication.enabled",
		"policy":                          "replication.policy.class",
		"separator":                       "replication.policy.separator",
		"internal_separator":              "replication.policy.separator replication.policy.internal.topic.separator.enabled",
		"replication_factor":              "replication.factor",
		"heartbeats_replication_factor":   "heartbeats.topic.replication.factor",
		"discovery_interval":              "refresh.topics.interval.seconds refresh.topics.enabled",
		"heartbeats.emit":                 "emit.heartbeats.enabled",
		"heartbeats.interval":             "emit.heartbeats.interval.seconds",
		"config_sync.configs":             "sync.topic.configs.enabled",
		"config_sync.acls":                "sync.topic.acls.enabled",
		"config_sync.interval":            "sync.topic.configs.interval.seconds sync.topic.acls.interval.seconds",
		"config_sync.defaults_from":       "use.defaults.from",
		"offset_syncs.emit":               "emit.offset-syncs.enabled",
		"offset_syncs.location":           "offset-syncs.topic.location",
		"offset_syncs.lag_max":            "offset.lag.max",
		"offset_syncs.replication_factor": "offset-syncs.topic.replication.factor",
		"checkpoints.emit":                "emit.checkpoints.enabled",
		"checkpoints.interval":            "emit.checkpoints.interval.seconds",
		"checkpoints.replication_factor":  "checkpoints.topic.replication.factor",
		"groups.include":                  "groups",
		"groups.exclude":                  "groups.exclude",
		"groups.sync":                     "sync.group.offsets.enabled",
		"groups.sync_interval":            "sync.group.offsets.interval.seconds",
		"java.offsets_topic":              "offsets.storage.topic",
	}
	workerOrigins = map[string]string{
		"lanes_replication_factor": "offset.storage.replication.factor",
		"session_timeout":          "session.timeout.ms",
		"java.offsets_topic":       "offset.storage.topic",
		"java.group":               "group.id",
	}
	consumerOrigins = map[string]string{
		"isolation":                 "isolation.level",
		"start":                     "auto.offset.reset",
		"fetch.min_bytes":           "fetch.min.bytes",
		"fetch.max_wait":            "fetch.max.wait.ms",
		"fetch.max_bytes":           "fetch.max.bytes",
		"fetch.max_partition_bytes": "max.partition.fetch.bytes",
	}
	producerOrigins = map[string]string{
		"compression":               "compression.type",
		"transaction_timeout":       "transaction.timeout.ms",
		"produce.linger":            "linger.ms",
		"produce.max_request_bytes": "max.request.size",
		"produce.buffer_bytes":      "buffer.memory",
	}
)
