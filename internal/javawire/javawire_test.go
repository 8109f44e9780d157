package javawire_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"mm2/internal/javawire"
)

func TestIntegersAreBigEndian(t *testing.T) {
	var b []byte
	b = javawire.AppendInt16(b, -2)
	b = javawire.AppendInt32(b, 1)
	b = javawire.AppendInt64(b, math.MinInt64)
	if got := hex.EncodeToString(b); got != "fffe"+"00000001"+"8000000000000000" {
		t.Fatalf("encoded %s", got)
	}
	small, b, err := javawire.CutInt16(b)
	if small != -2 || err != nil {
		t.Errorf("INT16 %d, %v", small, err)
	}
	middle, b, err := javawire.CutInt32(b)
	if middle != 1 || err != nil {
		t.Errorf("INT32 %d, %v", middle, err)
	}
	large, b, err := javawire.CutInt64(b)
	if large != math.MinInt64 || err != nil || len(b) != 0 {
		t.Errorf("INT64 %d, %v, %d bytes left", large, err, len(b))
	}
}

func TestStringHasItsLengthInBytes(t *testing.T) {
	for _, s := range []string{"", "A", "日本", strings.Repeat("x", javawire.MaxString)} {
		b, err := javawire.AppendString([]byte("before"), s)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := bytes.CutPrefix(b, []byte("before"))
		if !ok || len(b) != 2+len(s) {
			t.Fatalf("%d bytes for a string of %d", len(b), len(s))
		}
		got, rest, err := javawire.CutString(append(b, 7))
		if got != s || len(rest) != 1 || err != nil {
			t.Errorf("read %d bytes, %d left, %v; want %d, 1", len(got), len(rest), err, len(s))
		}
	}
	if _, err := javawire.AppendString(nil, strings.Repeat("x", javawire.MaxString+1)); err == nil {
		t.Error("a string that does not fit was taken")
	}
}

func TestCutRefusesWhatIsShort(t *testing.T) {
	tests := []struct {
		name string
		cut  func([]byte) error
		in   []byte
		text string
	}{
		{"no length", cut(javawire.CutString), nil, "length: 0 bytes left, want 2"},
		{"half a length", cut(javawire.CutString), []byte{0}, "length: 1 bytes left, want 2"},
		{"negative length", cut(javawire.CutString), []byte{0xff, 0xff, 1}, "length -1 with 1 bytes left"},
		{"cut off", cut(javawire.CutString), []byte{0, 2, 'x'}, "length 2 with 1 bytes left"},
		{"INT16", cut(javawire.CutInt16), make([]byte, 1), "1 bytes left, want 2"},
		{"INT32", cut(javawire.CutInt32), make([]byte, 3), "3 bytes left, want 4"},
		{"INT64", cut(javawire.CutInt64), make([]byte, 7), "7 bytes left, want 8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.cut(tt.in); err == nil || err.Error() != tt.text {
				t.Errorf("error %v, want %q", err, tt.text)
			}
		})
	}
}

func cut[T any](f func([]byte) (T, []byte, error)) func([]byte) error {
	return func(b []byte) error {
		_, _, err := f(b)
		return err
	}
}
