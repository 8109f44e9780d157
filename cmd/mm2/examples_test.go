package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mm2/topology"
)

// Every kind of topology has an example, and every example means something to
// this version without a warning.
func TestExamples(t *testing.T) {
	t.Setenv("TOKYO_PASSWORD", "hunter2")
	t.Setenv("MASK_SECRET", "hunter2-hunter2-hunter2")
	dir := filepath.Join("..", "..", "examples")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range topology.Kinds() {
		if _, err := os.Stat(filepath.Join(dir, string(kind)+".toml")); err != nil {
			t.Errorf("no example of %s: %v", kind, err)
		}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			continue // a program, with tests of its own
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			code, stdout, stderr := mm2(t, "plan", "--offline", "-c", file)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d, stderr %s", code, stderr)
			}
			for _, bad := range []string{"warning", "hunter2", "copies      nothing"} {
				if strings.Contains(stdout, bad) {
					t.Errorf("the plan has %q:\n%s", bad, stdout)
				}
			}
		})
	}
}
