package internaltopics

import (
	"maps"
	"math"
	"strconv"
	"time"
)

// Names of topic configs that internal topics have.
const (
	cleanupPolicy = "cleanup.policy"
	retention     = "retention.ms"
)

// repartition is a topic whose records are deleted by the application once
// they are read, never by age.
func (d Defaults) repartition(t Repartition, partitions int32) Topic {
	return d.topic(t.Name, partitions, map[string]string{
		cleanupPolicy: "delete", retention: "-1", "segment.bytes": "52428800",
	}, t.Configs)
}

// changelog is a topic that a store is restored from, so a window's row must
// stay at least as long as in the store: the extra time covers clocks that
// differ from stream time.
func (d Defaults) changelog(c Changelog, partitions int32) Topic {
	if c.Kind != Window && c.Kind != Session {
		return d.topic(c.Name, partitions, map[string]string{cleanupPolicy: "compact"}, c.Configs)
	}
	t := d.topic(c.Name, partitions, map[string]string{cleanupPolicy: "compact,delete"}, c.Configs)
	// As in Java, a retention.ms for all internal topics is not for these: it
	// could be shorter than the store's, and rows would be lost in a restore.
	if _, given := c.Configs[retention]; !given {
		t.Configs[retention] = strconv.FormatInt(sum(c.Retention, d.WindowExtraRetention), 10)
	}
	return t
}

// sum is in milliseconds and stops at the largest number, as in Java.
func sum(a, b time.Duration) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return (a + b).Milliseconds()
}

// topic layers configs: what the kind of topic needs, the application's, the
// operator's. Later ones win.
func (d Defaults) topic(name string, partitions int32, own, given map[string]string) Topic {
	configs := map[string]string{"message.timestamp.type": "CreateTime"}
	maps.Copy(configs, own)
	maps.Copy(configs, d.Configs)
	maps.Copy(configs, given)
	return Topic{Name: name, Partitions: partitions, ReplicationFactor: d.ReplicationFactor, Configs: configs}
}

// Tasks is the topic whose partitions stand for the tasks of a topology that
// reads from several clusters. It stays empty.
func (d Defaults) Tasks(name string, partitions int32) Topic {
	return d.topic(name, partitions, map[string]string{cleanupPolicy: "delete"}, nil)
}
