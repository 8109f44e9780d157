package settings

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"mm2/internal/properties"
)

// Parse reads settings by their names in Kafka. Placeholders of the file,
// directory and environment providers of Java are resolved if config.providers
// names them.
// The error is a [*properties.Error] with all that is wrong; no value that may
// be a secret is in it.
func Parse(config map[string]string) (Settings, error) {
	r := &reader{values: make(map[string]setting, len(config))}
	for _, key := range slices.Sorted(maps.Keys(config)) {
		r.add(newSetting(key, config[key], 0))
	}
	return r.read()
}

// LoadFile reads a .properties file as Java does; problems have line numbers.
func LoadFile(path string) (Settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	r := &reader{file: path, values: make(map[string]setting)}
	entries, escapes := properties.Parse(data)
	for _, e := range escapes {
		r.problem(setting{line: e.Line}, e.Err.Error(), "")
	}
	lines := make(map[string]int, len(entries))
	for _, e := range entries {
		v := newSetting(e.Key, e.Value, e.Line)
		if before, again := lines[e.Key]; again {
			r.warn(v, fmt.Sprintf("repeats line %d; the last one counts", before), "")
		}
		lines[e.Key] = e.Line
		r.add(v)
	}
	return r.read()
}

func newSetting(key, value string, line int) setting {
	text := strings.TrimSpace(value)
	return setting{text: text, raw: text, key: key, line: line}
}

// renamed are the old names that Kafka still reads.
var renamed = map[string]string{
	"default.deserialization.exception.handler": "deserialization.exception.handler",
	"default.production.exception.handler":      "production.exception.handler",
	"cache.max.bytes.buffering":                 "statestore.cache.max.bytes",
}

// add keeps a setting by its current name. As in Java, the new name wins over
// the old one.
func (r *reader) add(v setting) {
	name := v.key
	if current, old := renamed[v.key]; old {
		r.warn(v, "is an old name of "+current, "rename it")
		name = current
	}
	if have, again := r.values[name]; again && have.key == name && v.key != name {
		return
	}
	r.values[name] = v
}

func (r *reader) read() (Settings, error) {
	s := defaults()
	r.resolve()
	r.classify()
	r.application(&s)
	r.runtime(&s)
	r.storage(&s)
	r.clients(&s)
	r.together(&s)
	if len(r.problems) > 0 {
		return Settings{}, &properties.Error{Problems: properties.Tidy(r.problems)}
	}
	s.Warnings = properties.Tidy(r.warnings)
	return s, nil
}
