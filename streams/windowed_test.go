package streams_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/serde"
)

func TestWindowedSerdes(t *testing.T) {
	inner := stringSerde(t)
	tests := []struct {
		name  string
		serde serde.Serde[streams.Windowed[string]]
		key   streams.Windowed[string]
		want  string
	}{
		{"time", streams.TimeWindowedSerde(inner, 10*ms), windowedKey("k", 20, 30), "6b" + "0000000000000014"},
		{"time, no key bytes", streams.TimeWindowedSerde(inner, 0), windowedKey("", 0, 0), "0000000000000000"},
		{"session", streams.SessionWindowedSerde(inner), windowedKey("k", 18, 25), "6b" + "0000000000000019" + "0000000000000012"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.serde.AppendEncode([]byte("x"), tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b[1:]); got != tt.want || b[0] != 'x' {
				t.Errorf("encoded as %x, want x and %s", b, tt.want)
			}
			got, err := tt.serde.Decode(b[1:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.key, got); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWindowedSerdesRefuse(t *testing.T) {
	inner := serde.Func(
		func(dst []byte, v string) ([]byte, error) {
			if v == "bad" {
				return nil, errors.New("no such key")
			}
			return append(dst, v...), nil
		},
		func(b []byte) (string, error) {
			if string(b) == "bad" {
				return "", errors.New("no such bytes")
			}
			return string(b), nil
		})
	fixed, session := streams.TimeWindowedSerde(inner, 10*ms), streams.SessionWindowedSerde(inner)
	encode := func(s serde.Serde[streams.Windowed[string]], k streams.Windowed[string]) error {
		_, err := s.AppendEncode(nil, k)
		return err
	}
	decode := func(s serde.Serde[streams.Windowed[string]], text string) error {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Decode(b)
		return err
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"before 1970", encode(fixed, windowedKey("k", -1, 9)), "before 1970"},
		{"no window", encode(session, streams.Windowed[string]{Key: "k"}), "before 1970"},
		{"ends before it starts", encode(session, windowedKey("k", 2, 1)), "before its start"},
		{"inner key", encode(fixed, windowedKey("bad", 0, 10)), "no such key"},
		{"short", decode(fixed, "00000000000000"), "got 7 bytes"},
		{"short session", decode(session, "6b00000000000000"), "got 8 bytes"},
		{"negative start", decode(fixed, "8000000000000000"), "negative"},
		{"bounds in the wrong order", decode(session, "00000000000000010000000000000002"), "before its start"},
		{"inner bytes", decode(fixed, hex.EncodeToString([]byte("bad"))+"0000000000000000"), "no such bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", tt.err, tt.want)
			}
		})
	}
}

func FuzzWindowedSerdes(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x0a"), false)
	f.Add([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff"), false)
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x02"), true)
	inner := stringSerde(f)
	f.Fuzz(func(t *testing.T, b []byte, session bool) {
		s := streams.TimeWindowedSerde(inner, time.Minute)
		if session {
			s = streams.SessionWindowedSerde(inner)
		}
		k, err := s.Decode(b)
		if err != nil {
			return
		}
		if k.Start.After(k.End) {
			t.Errorf("the window %v ends before its start", k)
		}
		again, err := s.AppendEncode(nil, k)
		if err != nil {
			t.Fatalf("encode %v, which was decoded: %v", k, err)
		}
		if !bytes.Equal(b, again) {
			t.Errorf("%x decoded and encoded is %x", b, again)
		}
	})
}

// topicSerde is a serde that must know the topic.
type topicSerde struct{ serde.Serde[string] }

func (s topicSerde) AppendEncode([]byte, string) ([]byte, error) {
	return nil, errors.New("there is no topic")
}

func (s topicSerde) AppendEncodeMeta(dst []byte, m serde.Meta, v string) ([]byte, error) {
	if !m.IsKey {
		return nil, errors.New("it is no key")
	}
	return append(append(dst, m.Topic+":"...), v...), nil
}

func (s topicSerde) DecodeMeta(m serde.Meta, b []byte) (string, error) {
	return strings.TrimPrefix(string(b), m.Topic+":"), nil
}

func TestWindowedSerdeTellsTopic(t *testing.T) {
	s := streams.SessionWindowedSerde[string](topicSerde{stringSerde(t)})
	sent := sentBy(t, s, windowedKey("k", 1, 2))
	if got := string(sent.PartitionKey); got != "output:k" {
		t.Errorf("placed by %q, want output:k", got)
	}
	got, err := serde.Read(s, serde.Meta{Topic: "output", IsKey: true}, sent.Key)
	if err != nil || got != windowedKey("k", 1, 2) {
		t.Errorf("read back as %v, %v", got, err)
	}
}
