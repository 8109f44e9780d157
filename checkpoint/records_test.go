package checkpoint_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"mm2/checkpoint"
	"mm2/topology"
)

// The vectors were produced by the Java tool (4.3.1).
var (
	syncVectors = []struct {
		name       string
		sync       checkpoint.OffsetSync
		key, value string
	}{
		{"plain", checkpoint.OffsetSync{Topic: "orders", Partition: 3, Upstream: 1000, Downstream: 995}, "00066f726465727300000003", "00000000000003e800000000000003e3"},
		{"zero", checkpoint.OffsetSync{Topic: "t"}, "00017400000000", "00000000000000000000000000000000"},
		{
			"extremes",
			checkpoint.OffsetSync{Topic: "日本-トピック", Partition: math.MaxInt32, Upstream: math.MaxInt64, Downstream: -1},
			"0013e697a5e69cac2de38388e38394e38383e382af7fffffff", "7fffffffffffffffffffffffffffffff",
		},
		{"nothing", checkpoint.OffsetSync{Partition: -1, Upstream: -1, Downstream: -1}, "0000ffffffff", "ffffffffffffffffffffffffffffffff"},
	}
	checkpointVectors = []struct {
		name       string
		checkpoint checkpoint.Checkpoint
		key, value string
	}{
		{
			"plain",
			checkpoint.Checkpoint{Group: "consumer-group-1", Topic: "us-west.orders", Partition: 3, Upstream: 1000, Downstream: 995},
			"0010636f6e73756d65722d67726f75702d31000e75732d776573742e6f726465727300000003", "000000000000000003e800000000000003e30000",
		},
		{
			"zero",
			checkpoint.Checkpoint{Group: "g", Topic: "A.t"},
			"0001670003412e7400000000", "0000000000000000000000000000000000000000",
		},
		{
			"extremes",
			checkpoint.Checkpoint{Group: "grp-é", Topic: "A.日本", Partition: math.MaxInt32, Upstream: math.MaxInt64, Downstream: math.MaxInt64 - 1, Metadata: "méta ✓"},
			"00066772702dc3a90008412ee697a5e69cac7fffffff", "00007fffffffffffffff7ffffffffffffffe00096dc3a9746120e29c93",
		},
		{
			"negative",
			checkpoint.Checkpoint{Group: "g2", Topic: "A.t", Partition: -1, Upstream: -1, Downstream: -1, Metadata: "m"},
			"000267320003412e74ffffffff", "0000ffffffffffffffffffffffffffffffff00016d",
		},
		{
			"nothing",
			checkpoint.Checkpoint{Upstream: 42, Downstream: 43},
			"0000000000000000", "0000000000000000002a000000000000002b0000",
		},
	}
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encoded fails the test if the record cannot be encoded.
func encoded(t testing.TB, b []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOffsetSyncTest is Java's OffsetSyncTest.
func TestOffsetSyncTest(t *testing.T) {
	for _, tt := range syncVectors {
		t.Run("testSerde/"+tt.name, func(t *testing.T) {
			key, err := tt.sync.EncodeKey()
			if got := hex.EncodeToString(encoded(t, key, err)); got != tt.key {
				t.Errorf("key %s, want %s", got, tt.key)
			}
			if got := hex.EncodeToString(tt.sync.EncodeValue()); got != tt.value {
				t.Errorf("value %s, want %s", got, tt.value)
			}
			if got, err := checkpoint.DecodeOffsetSync(unhex(t, tt.key), unhex(t, tt.value)); err != nil || got != tt.sync {
				t.Errorf("decoded %v, %v; want %v", got, err, tt.sync)
			}
		})
	}
}

// TestCheckpointTest is Java's CheckpointTest.
func TestCheckpointTest(t *testing.T) {
	for _, tt := range checkpointVectors {
		t.Run("testSerde/"+tt.name, func(t *testing.T) {
			key, err := tt.checkpoint.EncodeKey()
			if got := hex.EncodeToString(encoded(t, key, err)); got != tt.key {
				t.Errorf("key %s, want %s", got, tt.key)
			}
			value, err := tt.checkpoint.EncodeValue()
			if got := hex.EncodeToString(encoded(t, value, err)); got != tt.value {
				t.Errorf("value %s, want %s", got, tt.value)
			}
			if got, err := checkpoint.DecodeCheckpoint(unhex(t, tt.key), unhex(t, tt.value)); err != nil || got != tt.checkpoint {
				t.Errorf("decoded %v, %v; want %v", got, err, tt.checkpoint)
			}
		})
	}
}

func TestStringsAreWhatJavaPrints(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{
			"offset sync", checkpoint.OffsetSync{Topic: "t", Upstream: 10, Downstream: 9}.String(),
			"OffsetSync{topicPartition=t-0, upstreamOffset=10, downstreamOffset=9}",
		},
		{
			"checkpoint", checkpoint.Checkpoint{Group: "g", Topic: "A.t", Upstream: 10, Downstream: 9}.String(),
			"Checkpoint{consumerGroupId=g, topicPartition=A.t-0, upstreamOffset=10, downstreamOffset=9, metadata=}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got  %s\nwant %s", tt.got, tt.want)
			}
		})
	}
}

func TestDecodeReadsLikeJava(t *testing.T) {
	c, err := checkpoint.DecodeCheckpoint(unhex(t, "0001670003412e7400000000ff"), unhex(t, "0007000000000000000a000000000000000900016dff"))
	if want := (checkpoint.Checkpoint{Group: "g", Topic: "A.t", Upstream: 10, Downstream: 9, Metadata: "m"}); err != nil || c != want {
		t.Errorf("checkpoint of version 7 with bytes after the fields: %v, %v", c, err)
	}
	s, err := checkpoint.DecodeOffsetSync(unhex(t, "00017400000000ff"), unhex(t, "000000000000000a0000000000000009ff"))
	if want := (checkpoint.OffsetSync{Topic: "t", Upstream: 10, Downstream: 9}); err != nil || s != want {
		t.Errorf("offset sync with bytes after the fields: %v, %v", s, err)
	}
}

// Whatever is cut off, and whichever of the two is null, is refused.
func TestDecodeRefusesWhatIsShort(t *testing.T) {
	key, value := unhex(t, "0001670003412e7400000000"), unhex(t, "000000000000000003e800000000000003e300016d")
	for n := range key {
		if c, err := checkpoint.DecodeCheckpoint(key[:n], value); !errors.Is(err, checkpoint.ErrMalformed) || c != (checkpoint.Checkpoint{}) {
			t.Errorf("checkpoint key of %d bytes: %v, %v", n, c, err)
		}
	}
	for n := range value {
		if c, err := checkpoint.DecodeCheckpoint(key, value[:n]); !errors.Is(err, checkpoint.ErrMalformed) || c != (checkpoint.Checkpoint{}) {
			t.Errorf("checkpoint value of %d bytes: %v, %v", n, c, err)
		}
	}
	key, value = unhex(t, "00066f726465727300000003"), unhex(t, "00000000000003e800000000000003e3")
	for n := range key {
		if s, err := checkpoint.DecodeOffsetSync(key[:n], value); !errors.Is(err, checkpoint.ErrMalformed) || s != (checkpoint.OffsetSync{}) {
			t.Errorf("offset sync key of %d bytes: %v, %v", n, s, err)
		}
	}
	for n := range value {
		if s, err := checkpoint.DecodeOffsetSync(key, value[:n]); !errors.Is(err, checkpoint.ErrMalformed) || s != (checkpoint.OffsetSync{}) {
			t.Errorf("offset sync value of %d bytes: %v, %v", n, s, err)
		}
	}
}

func TestEncodeRefusesLongStrings(t *testing.T) {
	long := strings.Repeat("x", 32768)
	tests := []struct {
		name   string
		encode func() ([]byte, error)
		text   string
	}{
		{"sync topic", checkpoint.OffsetSync{Topic: long}.EncodeKey, "encode offset sync: topic: string of 32768 bytes"},
		{"group", checkpoint.Checkpoint{Group: long}.EncodeKey, "encode checkpoint: group"},
		{"topic", checkpoint.Checkpoint{Topic: long}.EncodeKey, "encode checkpoint: topic"},
		{"metadata", checkpoint.Checkpoint{Metadata: long}.EncodeValue, "encode checkpoint: metadata"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if b, err := tt.encode(); err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%d bytes, error %v, want %q", len(b), err, tt.text)
			}
		})
	}
	if _, err := (checkpoint.Checkpoint{Group: long[1:], Topic: long[1:], Metadata: long[1:]}).EncodeKey(); err != nil {
		t.Errorf("the longest strings: %v", err)
	}
}

func TestOffsetSyncsTopic(t *testing.T) {
	f := topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy(".", "")}
	if got := checkpoint.OffsetSyncsTopic(f, false); got != "mm2-offset-syncs.B.internal" {
		t.Errorf("on the source: %s", got)
	}
	if got := checkpoint.OffsetSyncsTopic(f, true); got != "mm2-offset-syncs.A.internal" {
		t.Errorf("on the target: %s", got)
	}
}

func FuzzDecodeOffsetSync(f *testing.F) {
	for _, v := range syncVectors {
		f.Add(unhex(f, v.key), unhex(f, v.value))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s, err := checkpoint.DecodeOffsetSync(key, value)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMalformed) {
				t.Fatalf("error %v is not ErrMalformed", err)
			}
			return
		}
		again, err := s.EncodeKey()
		if !bytes.HasPrefix(key, encoded(t, again, err)) || !bytes.HasPrefix(value, s.EncodeValue()) {
			t.Fatalf("key %x, value %x became %v", key, value, s)
		}
	})
}

func FuzzDecodeCheckpoint(f *testing.F) {
	for _, v := range checkpointVectors {
		f.Add(unhex(f, v.key), unhex(f, v.value))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c, err := checkpoint.DecodeCheckpoint(key, value)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMalformed) {
				t.Fatalf("error %v is not ErrMalformed", err)
			}
			return
		}
		key2, err := c.EncodeKey()
		if !bytes.HasPrefix(key, encoded(t, key2, err)) {
			t.Fatalf("key %x became %x", key, key2)
		}
		value2, err := c.EncodeValue()
		if !bytes.HasPrefix(value[2:], encoded(t, value2, err)[2:]) { // any version is version 0
			t.Fatalf("value %x became %x", value, value2)
		}
	})
}
