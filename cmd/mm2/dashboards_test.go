package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mm2/grafana"
)

func TestDashboards(t *testing.T) {
	code, list, stderr := mm2(t, "dashboards")
	if code != 0 || list != "alerts.yml\noverview.json\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, list, stderr)
	}
	want, err := fs.ReadFile(grafana.Files(), "overview.json")
	if err != nil {
		t.Fatal(err)
	}
	if code, got, _ := mm2(t, "dashboards", "overview.json"); code != 0 || got != string(want) {
		t.Errorf("exit code %d, stdout has %d bytes, want %d", code, len(got), len(want))
	}

	dir := filepath.Join(t.TempDir(), "new")
	file := filepath.Join(dir, "overview.json")
	write := func(args ...string) (int, string, string) {
		return mm2(t, append([]string{"dashboards", "--dir", dir}, args...)...)
	}
	content := func() string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if code, out, stderr := write(); code != 0 || !strings.Contains(out, file) || content() != string(want) {
		t.Errorf("first time: exit code %d, stdout %s, stderr %s", code, out, stderr)
	}
	if code, _, stderr := write(); code != 0 {
		t.Errorf("nothing has changed: exit code %d, %s", code, stderr)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := write(); code != 1 || out != "" || !strings.Contains(stderr, file) || !strings.Contains(stderr, "--force") || content() != "mine" {
		t.Errorf("a file that differs: exit code %d, stdout %s, stderr %s", code, out, stderr)
	}
	if code, _, stderr := write("--force"); code != 0 || content() != string(want) {
		t.Errorf("--force: exit code %d, %s", code, stderr)
	}
}

func TestDashboardsRefuses(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		stderr string
	}{
		{"unknown file", []string{"lag.json"}, "there is no file \"lag.json\"; there are alerts.yml, overview.json\n"},
		{"file and directory", []string{"overview.json", "--dir", "x"}, "name a file to print or --dir to write all of them, not both\n"},
		{"force alone", []string{"--force"}, "--force goes with --dir\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if code, _, stderr := mm2(t, append([]string{"dashboards"}, tt.args...)...); code != 2 || stderr != tt.stderr {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
		})
	}
}
