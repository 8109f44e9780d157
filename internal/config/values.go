package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"kB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

var errSize = errors.New(`want a size such as "512KiB", "32MiB" or "1GB"`)

// parseSize reads "32MiB", "50MB", "1.5GiB" or "1048576".
func parseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		total := n * float64(unit.bytes)
		if err != nil || math.IsNaN(total) || total < 0 || total >= math.MaxInt64 || strings.ContainsAny(digits, "xXpPeEiInN_") {
			return 0, errSize
		}
		return int64(total), nil
	}
	return 0, errSize
}

// parseRate reads a size a second: "50MB/s".
func parseRate(s string) (int64, error) {
	size, ok := strings.CutSuffix(s, "/s")
	n, err := parseSize(strings.TrimSpace(size))
	if !ok || err != nil {
		return 0, errors.New(`want a rate such as "50MB/s"`)
	}
	return n, nil
}

// formatSize is the shortest exact text for a number of bytes.
func formatSize(n int64) string {
	for _, unit := range sizeUnits {
		if unit.bytes > 1 && n >= unit.bytes && n%unit.bytes == 0 && n/unit.bytes < 1000 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

func checkDuration(d, lo, hi time.Duration) error {
	if d < lo || d > hi {
		return fmt.Errorf("want a duration from %s to %s", formatDuration(lo), formatDuration(hi))
	}
	return nil
}

// formatDuration drops the zero parts that time.Duration prints: "10m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
