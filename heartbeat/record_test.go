package heartbeat_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"mm2/heartbeat"
	"mm2/topology"
)

// vectors were produced by the Java tool (4.3.1).
var vectors = []struct {
	name           string
	source, target topology.Alias
	millis         int64
	key, value     string
}{
	{"short", "A", "B", 1700000000000, "000141000142", "00000000018bcfe56800"},
	{"epoch", "us-west", "us-east", 0, "000775732d77657374000775732d65617374", "00000000000000000000"},
	{"not ASCII, before the epoch", "süd", "東", -1, "000473c3bc640003e69db1", "0000ffffffffffffffff"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestJavaVectors is Java's HeartbeatTest.
func TestJavaVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run("testSerde/"+tt.name, func(t *testing.T) {
			h := heartbeat.Heartbeat{Source: tt.source, Target: tt.target, Timestamp: time.UnixMilli(tt.millis).UTC()}
			key, err := h.EncodeKey()
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(key); got != tt.key {
				t.Errorf("key %s, want %s", got, tt.key)
			}
			if got := hex.EncodeToString(h.EncodeValue()); got != tt.value {
				t.Errorf("value %s, want %s", got, tt.value)
			}
			decoded, err := heartbeat.Decode(unhex(t, tt.key), unhex(t, tt.value))
			if err != nil || decoded != h {
				t.Errorf("decoded %+v, %v; want %+v", decoded, err, h)
			}
		})
	}
}

func TestStringIsWhatJavaPrints(t *testing.T) {
	h := heartbeat.Heartbeat{Source: "A", Target: "B", Timestamp: time.UnixMilli(1700000000000)}
	const want = "Heartbeat{sourceClusterAlias=A, targetClusterAlias=B, timestamp=1700000000000}"
	if got := h.String(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestDecodeReadsLikeJava(t *testing.T) {
	want := heartbeat.Heartbeat{Source: "A", Target: "B", Timestamp: time.UnixMilli(1700000000000).UTC()}
	tests := []struct{ name, key, value string }{
		{"version 7", "000141000142", "00070000018bcfe56800"},
		{"bytes after the fields", "000141000142ff", "00000000018bcfe56800ff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := heartbeat.Decode(unhex(t, tt.key), unhex(t, tt.value))
			if err != nil || got != want {
				t.Errorf("decoded %+v, %v", got, err)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, key, value, text string }{
		{"null key", "", "00000000018bcfe56800", "source alias: length: 0 bytes left"},
		{"half a length", "000141" + "00", "00000000018bcfe56800", "target alias: length: 1 bytes left"},
		{"key cut off", "0001410002" + "42", "00000000018bcfe56800", "target alias: length 2 with 1 bytes left"},
		{"negative length", "ffff41000142", "00000000018bcfe56800", "source alias: length -1"},
		{"tombstone", "000141000142", "", "version: 0 bytes left"},
		{"value cut off", "000141000142", "00000000018bcfe568", "timestamp: 7 bytes left"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := heartbeat.Decode(unhex(t, tt.key), unhex(t, tt.value))
			if !errors.Is(err, heartbeat.ErrMalformed) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %q", err, tt.text)
			}
		})
	}
}

func TestEncodeKeyRefusesLongAlias(t *testing.T) {
	h := heartbeat.Heartbeat{Source: topology.Alias(strings.Repeat("x", 32768)), Target: "B"}
	if key, err := h.EncodeKey(); err == nil {
		t.Errorf("key of %d bytes, want an error", len(key))
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add(unhex(f, v.key), unhex(f, v.value))
	}
	f.Add([]byte{0x7f, 0xff}, []byte(nil))
	f.Add([]byte{0, 0, 0, 0}, bytes.Repeat([]byte{0x80}, 10))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		h, err := heartbeat.Decode(key, value)
		if err != nil {
			if !errors.Is(err, heartbeat.ErrMalformed) {
				t.Fatalf("error %v is not ErrMalformed", err)
			}
			return
		}
		again, err := h.EncodeKey()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(key, again) {
			t.Fatalf("key %x became %x", key, again)
		}
		if v := h.EncodeValue(); !bytes.Equal(v[2:], value[2:10]) {
			t.Fatalf("value %x became %x", value, v)
		}
	})
}
