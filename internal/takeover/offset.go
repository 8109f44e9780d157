package takeover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// SourcePartition is what a source offset of Java MirrorMaker 2 is about.
type SourcePartition struct {
	Connector string // name of the connector
	Cluster   string // alias of the source
	Topic     string // as named on the source
	Partition int32
}

// AppendKey appends the key under which Java keeps the offset of p. Java looks
// keys up by their bytes: order and spacing are part of the format.
func AppendKey(b []byte, p SourcePartition) []byte {
	b = append(b, '[')
	b = appendString(b, p.Connector)
	b = append(b, `,{"cluster":`...)
	b = appendString(b, p.Cluster)
	b = append(b, `,"partition":`...)
	b = strconv.AppendInt(b, int64(p.Partition), 10)
	b = append(b, `,"topic":`...)
	b = appendString(b, p.Topic)
	return append(b, "}]"...)
}

// appendString escapes as Java's JSON writer does: quote, backslash, control
// characters, and what takes two UTF-16 units, nothing else. Text that is not
// UTF-8, which a Java string cannot hold, becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, '\\', 'b')
		case r == '\t':
			b = append(b, '\\', 't')
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\f':
			b = append(b, '\\', 'f')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04X`, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04X\u%04X`, high, low)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// ParseKey reads the key of a source offset. It takes any order of fields and
// any spacing; canonical tells whether Java would find the key. Keys of other
// connectors and shapes are reported as not ok.
func ParseKey(key []byte) (p SourcePartition, canonical, ok bool) {
	var parts []json.RawMessage
	if json.Unmarshal(key, &parts) != nil || len(parts) != 2 {
		return p, false, false
	}
	var fields map[string]json.RawMessage
	if !text(parts[0], &p.Connector) || json.Unmarshal(parts[1], &fields) != nil {
		return p, false, false
	}
	partition, whole := integer(fields["partition"])
	if !whole || partition < 0 || partition > 1<<31-1 || !text(fields["cluster"], &p.Cluster) || !text(fields["topic"], &p.Topic) {
		return p, false, false
	}
	p.Partition = int32(partition)
	return p, bytes.Equal(AppendKey(nil, p), key), true
}

// Value is the value of a source offset: the offset of the last record that the
// target acknowledged.
func Value(last int64) []byte {
	return append(strconv.AppendInt([]byte(`{"offset":`), last, 10), '}')
}

// ParseValue reads the value of a source offset. It is not ok for what Java
// takes as "never replicated": null, no offset, a negative one.
func ParseValue(value []byte) (last int64, ok bool) {
	var fields map[string]json.RawMessage
	if len(value) == 0 || json.Unmarshal(value, &fields) != nil {
		return 0, false
	}
	last, ok = integer(fields["offset"])
	return last, ok && last >= 0
}

// text and integer decode one JSON value of exactly that kind.
func text(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}

func integer(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// Place is the partition of Java's topic that a key belongs to: murmur2, as
// Java's default partitioner has it. partitions must be positive.
func Place(key []byte, partitions int) int32 {
	p := kgo.StickyKeyPartitioner(nil).ForTopic("")
	return int32(p.Partition(&kgo.Record{Key: key}, partitions))
}
