package config

import (
	"fmt"
	"slices"
	"strings"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/topology"
)

// readJava reads connect-mirror-maker.properties. The settings that take
// effect are those that take effect in Java; what Java drops without a word
// gives a warning.
func readJava(s *source, data []byte) *Config {
	return (&javaReader{source: s, raw: make(javaConfig)}).read(data)
}

type javaReader struct {
	*source
	raw     javaConfig // the file, last value wins
	aliases []topology.Alias
	idle    []javaValue // keys that change nothing

	// importing keeps placeholders where TOML can have them, in its spelling.
	importing bool
}

func (j *javaReader) read(data []byte) *Config {
	j.parse(data)
	if !j.readClusters() {
		return nil
	}
	j.resolve(j.raw, j.keepPlaceholders())
	j.warnOfPlaceholders()
	j.classifyAll()
	ids := j.enabledFlows()
	clusters, places := j.connections(ids)
	drafts := make([]*draft, len(ids))
	configs := make([]javaConfig, len(ids))
	for i, id := range ids {
		drafts[i] = j.flow(id)
		configs[i] = j.raw.connectorConfig(id)
	}
	j.unusedClusters(places, drafts)
	service := defaultService()
	service.JavaMetrics = j.metricsFormats(configs)
	return j.assemble(clusters, drafts, service)
}

// parse fills raw and warns of what is easily overlooked.
func (j *javaReader) parse(data []byte) {
	entries, escapes := properties.Parse(data)
	for _, e := range escapes {
		j.problem(place{line: e.Line}, e.Err.Error(), "")
	}
	for _, e := range entries {
		v := javaValue{raw: strings.TrimSpace(e.Value), key: e.Key, line: e.Line}
		v.text = v.raw
		if v.raw != e.Value {
			j.warn(v.place(), "blanks at the end are dropped; Java keeps them, and reads \"true \" as false in places", "remove them")
		}
		name := j.currentName(v)
		if before, again := j.raw[name]; again {
			if before.key == name && v.key != name {
				continue // the new name wins over the old one
			}
			j.warn(v.place(), fmt.Sprintf("repeats line %d; the last one counts", before.line), "")
		}
		j.raw[name] = v
	}
}

// currentName maps the names of before Kafka 2.7.
func (j *javaReader) currentName(v javaValue) string {
	for old, current := range renamed {
		prefix, ok := strings.CutSuffix(v.key, old)
		if ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
			j.warn(v.place(), "is an old name, which Kafka drops silently since 4.0; mm2 reads it as "+prefix+current, "rename it")
			return prefix + current
		}
	}
	return v.key
}

func (j *javaReader) readClusters() bool {
	v, ok := j.raw["clusters"]
	if !ok || len(properties.List(v.text)) == 0 {
		j.problem(place{line: v.line, key: "clusters"}, "is missing: want the aliases of the clusters, for example clusters = A, B", "")
		return false
	}
	for _, name := range properties.List(v.text) {
		alias := topology.Alias(name)
		if rule := topology.CheckAlias(alias); rule != "" {
			j.problem(place{line: v.line, key: "clusters", value: name}, rule, commentSuggestion(name))
			continue
		}
		if !slices.Contains(j.aliases, alias) {
			j.aliases = append(j.aliases, alias)
		}
	}
	return len(j.aliases) > 0
}

func commentSuggestion(value string) string {
	if strings.ContainsAny(value, "#!") {
		return "a comment must stand on a line of its own"
	}
	return ""
}

func (j *javaReader) aliasNames() []string {
	names := make([]string, len(j.aliases))
	for i, a := range j.aliases {
		names[i] = string(a)
	}
	return names
}

// pairs are all directions between two clusters, in the order of the file.
func (j *javaReader) pairs() []topology.FlowID {
	var ids []topology.FlowID
	for _, source := range j.aliases {
		for _, target := range j.aliases {
			if source != target {
				ids = append(ids, topology.FlowID{Source: source, Target: target})
			}
		}
	}
	return ids
}

// herders are the pairs for which Java starts a worker: those that copy, and
// those that emit heartbeats, which is all of them unless the file says no.
func (j *javaReader) herders() []topology.FlowID {
	return slices.DeleteFunc(j.pairs(), func(id topology.FlowID) bool {
		return !j.javaBool(j.raw, id.String()+".enabled", false) && !j.emits(id)
	})
}

// emits reports whether Java writes heartbeats (source, target) into target.
func (j *javaReader) emits(id topology.FlowID) bool {
	return j.javaBool(j.raw.connectorConfig(id), "emit.heartbeats.enabled", true)
}

// enabledFlows are the pairs whose source connector runs.
func (j *javaReader) enabledFlows() []topology.FlowID {
	if len(j.aliases) < 2 {
		j.problem(j.raw["clusters"].place(), "want two or more clusters", "")
		return nil
	}
	ids := slices.DeleteFunc(j.herders(), func(id topology.FlowID) bool {
		return !j.javaBool(j.raw.connectorConfig(id), "enabled", false)
	})
	if len(ids) == 0 {
		j.problem(place{}, "no flow is enabled", fmt.Sprintf("write %s.enabled = true", j.pairs()[0]))
	}
	if v, ok := j.raw["enabled"]; ok && v.text == "true" {
		j.warn(v.place(), "switches every flow on, as in Java", "write A->B.enabled = true for each flow instead")
	}
	return ids
}

// connections are the clusters that flows use, and the places of all.
func (j *javaReader) connections(ids []topology.FlowID) (map[topology.Alias]connection.Connection, map[topology.Alias]place) {
	clusters := make(map[topology.Alias]connection.Connection)
	places := make(map[topology.Alias]place)
	for _, alias := range j.aliases {
		places[alias] = place{line: j.raw["clusters"].line, key: string(alias)}
		used := slices.ContainsFunc(ids, func(id topology.FlowID) bool { return id.Source == alias || id.Target == alias })
		props := j.raw.clusterProps(alias)
		if _, addressed := props["bootstrap.servers"]; used || addressed {
			clusters[alias] = j.connection(alias, props)
		}
	}
	return clusters, places
}
