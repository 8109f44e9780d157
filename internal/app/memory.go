package app

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"mm2/internal/config"
)

// memoryLimit is the soft limit for the Go runtime: what the configuration or
// GOMEMLIMIT says, else 85 % of the container's limit or of the machine's
// memory. The rest is for what the runtime does not count.
func memoryLimit(configured int64) int64 {
	if configured > 0 {
		return configured
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return debug.SetMemoryLimit(-1)
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		// cgroup v1 writes a huge number and v2 "max" where there is no limit.
		if b, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n < 1<<50 {
				return n / 100 * 85
			}
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if n := memTotal(string(b)); n > 0 {
			return n / 100 * 85
		}
	}
	return math.MaxInt64
}

// memTotal reads the first line of /proc/meminfo: "MemTotal:  24602384 kB".
func memTotal(meminfo string) int64 {
	line, _, _ := strings.Cut(meminfo, "\n")
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[0] != "MemTotal:" {
		return 0
	}
	kb, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

const (
	minFetchBytes = 128 << 10
	maxFetchBytes = 4 << 20

	// expansion is what a fetched byte may cost in memory: one response
	// buffered and one in flight, decompressed about fourfold, once as fetched
	// and once on its way out.
	expansion = 16

	// sourceBrokers is how many brokers a source is taken to have: each of
	// them is fetched from at the same time.
	sourceBrokers = 3
)

// fetchBudget is how much each lane fetches ahead from each broker, so that all
// lanes of this worker together stay within half the memory limit. 4 MiB keeps
// a lane busy at 100 ms round trip with 40 MB/s of compressed data, and saves
// requests next to the source: 1 MiB copied 15 % slower there.
func fetchBudget(limit int64, flows []config.Flow) int32 {
	var lanes int64
	for _, f := range flows {
		lanes += int64(f.Lanes)
	}
	share := limit / 2 / expansion / sourceBrokers / max(lanes, 1)
	return int32(min(max(share, minFetchBytes), maxFetchBytes))
}
