package configsync_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/configsync"
	"mm2/topology"
)

func filter(t testing.TB, patterns ...string) topology.Filter {
	t.Helper()
	f, err := topology.NewFilter(patterns, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRulesCreated(t *testing.T) {
	source := []configsync.Entry{
		{Key: "cleanup.policy", Value: "compact", Explicit: true},
		{Key: "retention.ms", Value: "604800000"},
		{Key: "min.insync.replicas", Value: "2", Explicit: true},
		{Key: "vendor.secret", Explicit: true, Hidden: true},
		{Key: "segment.bytes", Value: "", Explicit: true},
	}
	tests := []struct {
		name    string
		exclude topology.Filter
		want    map[string]string
	}{
		{"all that were set on the topic", topology.Filter{}, map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2", "segment.bytes": ""}},
		{"less the excluded", filter(t, "min.insync.replicas", "seg.*"), map[string]string{"cleanup.policy": "compact"}},
		{"a pattern matches the whole key", filter(t, "cleanup", "insync"), map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2", "segment.bytes": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := configsync.Rules{Exclude: tt.exclude}.Created(source)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
