package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	const file = "testdata/connect-mirror-maker.properties"
	code, stdout, stderr := mm2(t, "import", file)
	if code != exitDone || stderr != "" {
		t.Fatalf("exit code %d, stderr %s", code, stderr)
	}
	golden(t, file+".import.want", stdout)

	imported := filepath.Join(t.TempDir(), "mesh.toml")
	if code, stdout, stderr := mm2(t, "import", file, "-o", imported); code != exitDone || stdout != "" || stderr != "" {
		t.Fatalf("exit code %d, stdout %s, stderr %s", code, stdout, stderr)
	}
	if got := readFile(t, imported); got != stdout {
		t.Errorf("the file has\n%s\nwant\n%s", got, stdout)
	}
	if code, _, stderr := mm2(t, "plan", "--offline", "-c", imported); code != exitDone {
		t.Errorf("the plan of it: exit code %d, stderr %s", code, stderr)
	}
}

func TestImportOverwritesOnlyOnDemand(t *testing.T) {
	const file = "testdata/connect-mirror-maker.properties"
	precious := filepath.Join(t.TempDir(), "mesh.toml")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := mm2(t, "import", file, "-o", precious)
	if want := precious + " exists: choose another name, or add --force to write over it\n"; code != exitUsage || stderr != want {
		t.Errorf("exit code %d, stderr %s, want %d, %s", code, stderr, exitUsage, want)
	}
	if got := readFile(t, precious); got != "precious" {
		t.Errorf("the file was written over: %s", got)
	}
	if code, _, stderr := mm2(t, "import", file, "-o", precious, "--force"); code != exitDone {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
	if got := readFile(t, precious); !strings.HasPrefix(got, "# Made by mm2 import") {
		t.Errorf("the file was not written over: %s", got)
	}
}

func TestImportFails(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "missing", "mesh.toml")
	tests := []struct {
		name   string
		args   []string
		code   int
		stderr string // the beginning of it
	}{
		{"no file", nil, exitUsage, "want one .properties file, got 0 arguments\n"},
		{"missing file", []string{"nowhere.properties"}, exitUsage, "nowhere.properties: cannot be read: no such file or directory\n"},
		{"TOML", []string{"testdata/custom.toml"}, exitUsage, `testdata/custom.toml: the extension ".toml" is not .properties: there is nothing to import` + "\n"},
		{"folder that is not there", []string{"testdata/connect-mirror-maker.properties", "-o", nowhere}, exitFailed, "write what was imported: open " + nowhere},
		{"the same with force", []string{"testdata/connect-mirror-maker.properties", "-o", nowhere, "--force"}, exitFailed, "write what was imported: open " + nowhere},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := mm2(t, append([]string{"import"}, tt.args...)...)
			if code != tt.code || !strings.HasPrefix(stderr, tt.stderr) || stdout != "" {
				t.Errorf("exit code %d, stdout %s, stderr %s, want %d, %s", code, stdout, stderr, tt.code, tt.stderr)
			}
		})
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
