package settings

import (
	"maps"
	"slices"
	"strings"

	"mm2/internal/properties"
)

const topicPrefix = "topic."

// classify looks at the name of every setting: unknown ones are problems, so
// are those that are not supported; those without effect give warnings.
func (r *reader) classify() {
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		v := r.values[name]
		if rule, ok := refusalOf(name); ok {
			r.refuse(v, rule)
			continue
		}
		if prefix, rest, k := clientKey(name); prefix != "" {
			r.clientKey(v, rest, k, true)
			continue
		}
		switch {
		case slices.Contains(honoured, name), len(name) > len(topicPrefix) && strings.HasPrefix(name, topicPrefix),
			strings.HasPrefix(name, "config.providers."):
		case name == "client.id":
		case slices.Contains(idle, name):
			r.warn(v, "has no effect: metrics come from the application's own interface", "")
		default:
			r.clientKey(v, name, kinds, false)
		}
	}
}

func refusalOf(name string) (refusal, bool) {
	for prefix, rule := range refusedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return rule, true
		}
	}
	rule, ok := refused[name]
	return rule, ok
}

func (r *reader) refuse(v setting, rule refusal) {
	if !slices.Contains(rule.unless, v.text) {
		r.problem(v, rule.reason, rule.remedy)
	}
}

// clientKey splits "main.consumer.fetch.min.bytes". The kinds are those that
// read the prefix.
func clientKey(name string) (prefix, rest string, readers []kind) {
	for _, p := range []string{"main.consumer.", "restore.consumer.", "global.consumer.", "consumer.", "producer.", "admin."} {
		if after, ok := strings.CutPrefix(name, p); ok && after != "" {
			for _, k := range kinds {
				if slices.Contains(k.prefixes, p) {
					readers = append(readers, k)
				}
			}
			return p, after, readers
		}
	}
	return "", name, nil
}

// clientKey looks at a setting of clients of the given kinds.
func (r *reader) clientKey(v setting, key string, readers []kind, prefixed bool) {
	if value, ok := fixed[key]; ok {
		if !strings.EqualFold(v.text, value) {
			r.warn(v, "has no effect: Streams sets it itself: "+value, "remove it")
		}
		return
	}
	known, effect := false, false
	for _, k := range readers {
		knows, acts := k.has(key)
		known, effect = known || knows, effect || acts
	}
	switch {
	case effect:
	case prefixed && key == "client.id":
		r.warn(v, "has no effect: Streams names its clients itself", "set client.id")
	case known:
		r.warn(v, "has no effect: nothing in mm2's clients corresponds to it", "")
	case prefixed:
		r.warn(v, "has no effect: mm2's clients have no such setting", properties.DidYouMean(key, knownKeys()))
	default:
		r.problem(v, "is not a setting of Kafka Streams that mm2 knows", properties.DidYouMean(key, knownKeys()))
	}
}
