package config

import (
	"slices"
	"testing"

	"mm2/internal/properties"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"1048576", 1048576, true},
		{"512KiB", 512 << 10, true},
		{"32MiB", 32 << 20, true},
		{"1.5GiB", 3 << 29, true},
		{"50MB", 50e6, true},
		{"7 kB", 7000, true},
		{"9B", 9, true},
		{"", 0, false},
		{"-1", 0, false},
		{"MB", 0, false},
		{"1e3", 0, false},
		{"0x10", 0, false},
		{"10XB", 0, false},
		{"99999999TB", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseSize(tt.in)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestTidy(t *testing.T) {
	a, b, c := Problem{Line: 2, Key: "x"}, Problem{Line: 1, Key: "y"}, Problem{Line: 2, Key: "a"}
	if got := properties.Tidy([]Problem{a, b, a, c}); !slices.Equal(got, []Problem{b, c, a}) {
		t.Errorf("got %v", got)
	}
}
