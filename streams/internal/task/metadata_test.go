package task_test

import (
	"encoding/base64"
	"maps"
	"math"
	"strings"
	"testing"

	"mm2/streams/internal/task"
)

func TestCommittedText(t *testing.T) {
	kept := map[string]int64{"b": 2, "a": -1}
	tests := []struct {
		name string
		c    task.Committed
		text string
	}{
		{"Kafka's own", task.Committed{PartitionTime: 1009}, "AgAAAAAAAAPx"},
		{"no time", task.Committed{PartitionTime: -1}, "Av//////////"},
		{"with values by key", task.Committed{PartitionTime: 1, Kept: kept}, "AgAAAAAAAAABAAAAAgAAAAFh//////////8AAAABYgAAAAAAAAAC"},
		{"empty map", task.Committed{PartitionTime: 1009, Kept: map[string]int64{}}, "AgAAAAAAAAPx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c.Encode(); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
			got, err := task.DecodeCommitted(tt.text)
			if err != nil || got.PartitionTime != tt.c.PartitionTime || !maps.Equal(got.Kept, tt.c.Kept) {
				t.Errorf("read %+v, %v, want %+v", got, err, tt.c)
			}
		})
	}
}

func TestDecodeCommitted(t *testing.T) {
	bytes := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const at = "\x00\x00\x00\x00\x00\x00\x00\x07" // 7
	tests := []struct {
		name, text string
		want       int64
		err        string
	}{
		{"empty", "", -1, ""},
		{"version 1", bytes("\x01" + at), 7, ""},
		{"version 1 has no values", bytes("\x01" + at + "\x00\x00\x00\x01"), 7, ""},
		{"version 2", bytes("\x02" + at), 7, ""},
		{"version 3", bytes("\x03" + at), -1, ""},
		{"version 0", bytes("\x00" + at), -1, ""},
		{"not base64", "?", -1, "metadata of a committed offset: illegal base64 data"},
		{"half a time", bytes("\x02\x00\x00"), -1, "2 bytes, want 8 for the partition time"},
		{"half a number", bytes("\x02" + at + "\x00\x00"), -1, "2 bytes, want 4 for the number of values"},
		{"too many values", bytes("\x02" + at + "\x7f\xff\xff\xff"), -1, "2147483647 values in 0 bytes"},
		{"one value too many", bytes("\x02" + at + "\x00\x00\x00\x02" + "\x00\x00\x00\x0ckkkkkkkkkkkk" + at), -1, "ends in the length of a key"},
		{"key without value", bytes("\x02" + at + "\x00\x00\x00\x01" + "\x00\x00\x00\x05kkkkkkkk"), -1, "ends in a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := task.DecodeCommitted(tt.text)
			if got.PartitionTime != tt.want || got.Kept != nil {
				t.Errorf("read %+v, want the time %d", got, tt.want)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// What can be read is the same after writing and reading again.
func FuzzDecodeCommitted(f *testing.F) {
	for _, c := range []task.Committed{
		{PartitionTime: 1009},
		{PartitionTime: math.MinInt64, Kept: map[string]int64{"": 0}},
		{PartitionTime: math.MaxInt64, Kept: map[string]int64{"a": math.MinInt64, "window": 1}},
	} {
		f.Add(c.Encode())
	}
	f.Add("AQAAAAAAAAPx")
	f.Add("AgAAAAAAAAPx////////")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := task.DecodeCommitted(text)
		if err != nil {
			if c.PartitionTime != -1 || c.Kept != nil {
				t.Fatalf("%+v with the error %v", c, err)
			}
			return
		}
		again, err := task.DecodeCommitted(c.Encode())
		if err != nil || again.PartitionTime != c.PartitionTime || !maps.Equal(again.Kept, c.Kept) {
			t.Fatalf("%+v becomes %+v, %v", c, again, err)
		}
	})
}
