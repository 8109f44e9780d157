package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Command runs mm2 with arguments to its end and returns what it printed and its
// exit code. Config, if any, becomes a file that is passed as -c.
func Command(t testing.TB, job Job, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if job.Config != "" {
		if job.Suffix == "" {
			job.Suffix = ".toml"
		}
		file := filepath.Join(t.TempDir(), "mesh"+job.Suffix)
		if err := os.WriteFile(file, []byte(job.Config), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-c", file)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, job.Binary, args...)
	command.Env = append(os.Environ(), job.Env...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("mm2 %v: %v", args, err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}
