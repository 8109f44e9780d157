package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata")

// mm2 runs the program and returns what it did.
func mm2(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		stderr string // all of it
	}{
		{"help", []string{"--help"}, 0, ""},
		{"nothing", nil, 0, ""},
		{"version", []string{"version"}, 0, ""},
		{"plan", []string{"plan", "--offline", "-c", "testdata/active-active.toml"}, 0, ""},
		{"unknown command", []string{"plam"}, 2, "unknown command \"plam\" for \"mm2\"\n\nDid you mean this?\n\tplan\n\nsee mm2 --help\n"},
		{"unknown flag", []string{"run", "--online"}, 2, "unknown flag: --online\nsee mm2 run --help\n"},
		{"surplus argument", []string{"version", "x"}, 2, "unknown command \"x\" for \"mm2 version\"\nsee mm2 version --help\n"},
		{"no file", []string{"plan", "--offline"}, 2, "required flag(s) \"config\" not set\nsee mm2 plan --help\n"},
		{"live, unknown flag", []string{"plan", "--online"}, 1, "unknown flag: --online\nsee mm2 plan --help\n"},
		{"live, no file", []string{"plan"}, 1, "required flag(s) \"config\" not set\nsee mm2 plan --help\n"},
		{"no direction", []string{"offsets", "translate", "-c", "x.toml", "-g", "g"}, 2, "want one direction like 'seoul->tokyo', in quotes, got 0 arguments\nsee mm2 offsets translate --help\n"},
		{"nothing to show", []string{"demo", "--rate", "0"}, 2, "--duration 15s and --rate 0 must be positive\n"},
		{"missing file", []string{"plan", "--offline", "-c", "nowhere.toml"}, 2, "nowhere.toml: cannot be read: no such file or directory\n"},
		{"bad output", []string{"plan", "--offline", "-c", "x.toml", "-o", "yaml"}, 2, "output \"yaml\" is not text or json\n"},
		{"cluster offline", []string{"plan", "--offline", "-c", "testdata/active-active.toml", "--cluster", "seoul"}, 2, "--cluster needs the clusters: leave out --offline\n"},
		{"live, missing file", []string{"plan", "-c", "nowhere.toml"}, 1, "nowhere.toml: cannot be read: no such file or directory\n"},
		{"live, bad output", []string{"plan", "-c", "x.toml", "-o", "yaml"}, 1, "output \"yaml\" is not text or json\n"},
		{
			"bad file",
			[]string{"plan", "--offline", "-c", "testdata/bad.toml"},
			2,
			"testdata/bad.toml:2: clusters.A.bootstrap = \"a\": want host:port\n" +
				"testdata/bad.toml:6: topology.clusters = \"B\": there is no cluster B; declared are A\n" +
				"testdata/bad.toml:7: topology.lane: unknown key; did you mean lanes?\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := mm2(t, tt.args...)
			if code != tt.code || stderr != tt.stderr {
				t.Errorf("exit code %d, stderr\n%s\nwant %d\n%s", code, stderr, tt.code, tt.stderr)
			}
			if code != 0 && stdout != "" {
				t.Errorf("a failure printed on stdout: %s", stdout)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	t.Setenv("TOKYO_PW", "hunter2")
	for _, file := range []string{
		"active-standby.toml", "active-active.toml", "hub-and-spoke.toml", "custom.toml", "follow.toml", "connect-mirror-maker.properties",
	} {
		for _, output := range []string{"text", "json"} {
			t.Run(file+" "+output, func(t *testing.T) {
				code, stdout, stderr := mm2(t, "plan", "--offline", "-c", filepath.Join("testdata", file), "-o", output)
				if code != 0 || stderr != "" {
					t.Fatalf("exit code %d, stderr %s", code, stderr)
				}
				if strings.Contains(stdout, "hunter2") {
					t.Error("the password shows")
				}
				golden(t, filepath.Join("testdata", file+"."+output+".want"), stdout)
			})
		}
	}
}

// golden compares got with the file, or rewrites it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func TestPrintVersion(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26",
		Main:      debug.Module{Version: "(devel)"},
		Settings: []debug.BuildSetting{
			{Key: "GOOS", Value: "linux"},
			{Key: "GOARCH", Value: "arm64"},
			{Key: "vcs.revision", Value: "0123456789abcdef0123"},
		},
	}
	tests := []struct {
		name, version string
		info          *debug.BuildInfo
		want          string
	}{
		{"release", "v1.2.3", info, "mm2 v1.2.3 0123456789ab go1.26 linux/arm64\n"},
		{"development", "", info, "mm2 development 0123456789ab go1.26 linux/arm64\n"},
		{"module", "", &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v0.9.0"}}, "mm2 v0.9.0 go1.26\n"},
		{"nothing known", "", nil, "mm2 development\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := printVersion(&b, tt.version, tt.info); err != nil || b.String() != tt.want {
				t.Errorf("got %q, %v, want %q", b.String(), err, tt.want)
			}
		})
	}
}
