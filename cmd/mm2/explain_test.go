package main

import (
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, file := range []string{"follow.toml", "connect-mirror-maker.properties"} {
		t.Run(file, func(t *testing.T) {
			code, stdout, stderr := mm2(t, "explain", "-c", "testdata/"+file)
			if code != exitDone || stderr != "" {
				t.Fatalf("exit code %d, stderr %s", code, stderr)
			}
			golden(t, "testdata/"+file+".explain.want", stdout)
		})
	}
}

func TestExplainOneFlow(t *testing.T) {
	code, stdout, stderr := mm2(t, "explain", "-c", "testdata/follow.toml", "B->A")
	if code != exitDone || !strings.HasPrefix(stdout, "B -> A\n") || strings.Contains(stdout, "A -> B") {
		t.Errorf("exit code %d, stderr %s, stdout\n%s", code, stderr, stdout)
	}
	code, stdout, stderr = mm2(t, "explain", "-c", "testdata/follow.toml", "B->C")
	if want := "testdata/follow.toml has no flow \"B->C\": it has A->B, B->A\n"; code != exitUsage || stderr != want || stdout != "" {
		t.Errorf("exit code %d, stderr %s, want %d, %s", code, stderr, exitUsage, want)
	}
	code, _, stderr = mm2(t, "explain", "-c", "nowhere.toml")
	if code != exitUsage || !strings.Contains(stderr, "cannot be read") {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
}
