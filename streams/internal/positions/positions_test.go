package positions_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mm2/streams/internal/positions"
)

var full = positions.Text{
	Subtopology: 3, Partition: 70000,
	Positions: []positions.Position{
		{Topic: "at-home", Next: 0, Epoch: -1, Time: -1},
		{Cluster: "src", Topic: "orders", ID: [16]byte{1, 2, 255}, Next: 1 << 40, Epoch: 7, Time: 1_700_000_000_000},
		{Cluster: "src", Topic: "returns", ID: [16]byte{9}, Next: math.MaxInt64, Epoch: math.MaxInt32, Time: math.MaxInt64 - 1},
	},
	Kept: map[string]int64{"counts": -5, "counts-stream-time": math.MaxInt64},
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []positions.Text{{}, full} {
		got, err := positions.Decode(want.Encode())
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("error %v, difference %s", err, diff)
		}
	}
}

// TestOrderIsNoMatter says that equal values give equal texts.
func TestOrderIsNoMatter(t *testing.T) {
	turned := full
	turned.Positions = []positions.Position{full.Positions[2], full.Positions[0], full.Positions[1]}
	if turned.Encode() != full.Encode() {
		t.Error("the texts differ")
	}
}

// TestFiftyTopicsFit is what docs/streams.md says of the limit.
func TestFiftyTopicsFit(t *testing.T) {
	var text positions.Text
	for i := range 50 {
		text.Positions = append(text.Positions, positions.Position{Cluster: "src", Topic: fmt.Sprintf("orders-of-%04d", i)})
	}
	if n := positions.Largest(text); n > positions.Limit {
		t.Errorf("50 topics take %d bytes", n)
	}
}

func TestLargest(t *testing.T) {
	if got, now := positions.Largest(full), len(full.Encode()); got < now {
		t.Errorf("the largest text has %d bytes, this one %d", got, now)
	}
}

func TestDecodeRefuses(t *testing.T) {
	raw := func(b ...byte) string { return base64.RawStdEncoding.EncodeToString(b) }
	tests := map[string]struct {
		text, want string
		other      bool
	}{
		"empty":           {text: "", other: true},
		"of Java":         {text: "AgAAAZ0=", other: true},
		"no base64":       {text: "!!", other: true},
		"a later version": {text: raw('P', 2), want: "version 2"},
		"cut off":         {text: raw('P', 1), want: "cut off"},
		"left over":       {text: raw('P', 1, 0, 0, 0, 0, 0, 9), want: "left over"},
		"no such cluster": {text: full.Encode()[:10], want: "read positions"},
		"too many":        {text: raw('P', 1, 0, 0, 0, 200, 1), want: "larger"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := positions.Decode(tt.text)
			if err == nil || errors.Is(err, positions.ErrOther) != tt.other || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzDecode says that what is read is what was written.
func FuzzDecode(f *testing.F) {
	f.Add(positions.Text{}.Encode())
	f.Add(full.Encode())
	f.Fuzz(func(t *testing.T, text string) {
		x, err := positions.Decode(text)
		if err != nil {
			return
		}
		again, err := positions.Decode(x.Encode())
		if diff := cmp.Diff(x, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("error %v, difference %s", err, diff)
		}
	})
}
