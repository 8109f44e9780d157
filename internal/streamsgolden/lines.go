package streamsgolden

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// place is the topic and key of a line, which come first.
func place(line string) string {
	at, _, _ := strings.Cut(line, " = ")
	return at
}

// ByPlace sorts lines by topic and key. Between keys and between topics any order
// is right; the order of records with the same key in the same topic is kept.
func ByPlace(lines []string) []string {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	return lines
}

// String is the record in a line: topic and key come first.
func (r Record) String() string {
	return fmt.Sprintf("%s %s = %s @%d %v", r.Topic, plain(r.Key), plain(r.Value), r.At, stars(r.Headers))
}

// stars blanks what cannot be the same in another language.
func stars(headers [][2]string) []string {
	var all []string
	for _, h := range headers {
		switch h[0] {
		case "__streams.errors.exception", "__streams.errors.message", "__streams.errors.stacktrace":
			h[1] = "*"
		}
		all = append(all, h[0]+":"+h[1])
	}
	return all
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "<null>"
	case float64:
		return strconv.FormatInt(int64(v), 10)
	case map[string]any:
		return fmt.Sprintf("%s[%s,%s]", plain(v["key"]), plain(v["start"]), plain(v["end"]))
	default:
		return fmt.Sprint(v)
	}
}

// String is the record in a line: topic and key come first.
func (r Internal) String() string {
	at := "none"
	if r.At != nil {
		at = strconv.FormatInt(*r.At, 10)
	}
	return fmt.Sprintf("%s %s = %s @%s %v", r.Topic, hexOrNull(r.Key), hexOrNull(r.Value), at, r.Headers)
}

func hexOrNull(s *string) string {
	if s == nil {
		return "<null>"
	}
	return *s
}

// InternalLine is a record of an internal topic as [Internal.String] has it.
func InternalLine(r *kgo.Record) string {
	h := func(b []byte) *string {
		if b == nil {
			return nil
		}
		text := hex.EncodeToString(b)
		return &text
	}
	var at *int64
	if ms := r.Timestamp.UnixMilli(); ms >= 0 {
		at = &ms
	}
	var headers [][2]string
	for _, x := range r.Headers {
		headers = append(headers, [2]string{x.Key, hex.EncodeToString(x.Value)})
	}
	return Internal{r.Topic, h(r.Key), h(r.Value), at, headers}.String()
}

// Line is a record of a user's topic as [Record.String] has it.
func (c Case) Line(t testing.TB, r *kgo.Record) string {
	t.Helper()
	line := Record{Topic: r.Topic, At: r.Timestamp.UnixMilli(), Key: c.value(t, r.Topic, 0, r.Key), Value: c.value(t, r.Topic, 1, r.Value)}
	for _, h := range r.Headers {
		line.Headers = append(line.Headers, [2]string{h.Key, string(h.Value)})
	}
	return line.String()
}

// Input encodes a record of a user's topic.
func (c Case) Input(t testing.TB, in *Record) *kgo.Record {
	t.Helper()
	r := &kgo.Record{
		Topic: in.Topic, Timestamp: time.UnixMilli(in.At),
		Key: c.bytes(t, in.Topic, 0, in.Key), Value: c.bytes(t, in.Topic, 1, in.Value),
	}
	for _, h := range in.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return r
}

// serde is the serde of a topic's key (0) or value (1).
func (c Case) serde(topic string, part int) string {
	if s, ok := c.Serdes[topic]; ok {
		return s[part]
	}
	return "string"
}

// bytes encodes a value of a golden file.
func (c Case) bytes(t testing.TB, topic string, part int, v any) []byte {
	t.Helper()
	if v == nil {
		return nil
	}
	switch s := c.serde(topic, part); s {
	case "string":
		return []byte(v.(string))
	case "bytes":
		b, err := hex.DecodeString(v.(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "int64":
		return bigEndian(int64(v.(float64)))
	default:
		t.Fatalf("no encoder for the serde %q", s)
		return nil
	}
}

// value decodes what was sent to a form of the golden files.
func (c Case) value(t testing.TB, topic string, part int, b []byte) any {
	t.Helper()
	if b == nil {
		return nil
	}
	s := c.serde(topic, part)
	name, rest, _ := strings.Cut(s, "(")
	switch name {
	case "string":
		return string(b)
	case "bytes":
		return hex.EncodeToString(b)
	case "int64":
		return float64(int64Of(b))
	case "time_windowed":
		_, size, _ := strings.Cut(strings.TrimSuffix(rest, ")"), ",")
		ms, err := strconv.ParseInt(strings.TrimSpace(size), 10, 64)
		if err != nil || len(b) < 8 {
			t.Fatalf("serde %q, key %x", s, b)
		}
		start := int64Of(b[len(b)-8:])
		return Window(string(b[:len(b)-8]), start, start+ms)
	case "session_windowed":
		n := len(b) - 16
		return Window(string(b[:n]), int64Of(b[n+8:]), int64Of(b[n:n+8]))
	default:
		t.Fatalf("no decoder for the serde %q", s)
		return nil
	}
}

// Window is the key of a window.
func Window(key string, start, end int64) map[string]any {
	return map[string]any{"key": key, "start": float64(start), "end": float64(end)}
}

func bigEndian(v int64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (56 - 8*i))
	}
	return b
}

func int64Of(b []byte) (v int64) {
	for _, x := range b {
		v = v<<8 | int64(x)
	}
	return v
}
