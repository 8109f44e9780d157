package config_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mm2/internal/config"
	"mm2/internal/connection"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata")

// secrets are what the files of testdata refer to or contain. None of it may
// ever show.
var (
	environment = map[string]string{"TOKYO_PW": "env-secret", "PW": "env-secret", "HOST": "b-kafka"}
	files       = map[string]string{
		"/run/secrets/store":       "trust=store-secret\nkey : key-secret\n",
		"/run/secrets/client":      "file-secret\n",
		"/run/secrets/dir/pw":      "dir-secret",
		"/run/secrets/other/store": "trust=store-secret",
	}
	secrets = []string{"env-secret", "store-secret", "key-secret", "file-secret", "dir-secret", "a-secret", "another-secret", "hunter2"}
)

// load reads a file of testdata as if it lay in the working directory.
func load(t testing.TB, name string) (*config.Config, error) {
	t.Helper()
	return config.Load(name, testOptions()...)
}

// testOptions make testdata the working directory, with what its files refer to.
func testOptions() []config.Option {
	return []config.Option{
		config.WithEnv(func(name string) (string, bool) { v, ok := environment[name]; return v, ok }),
		config.WithReadFile(func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			if strings.HasPrefix(path, "/") {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			return os.ReadFile(filepath.Join("testdata", path))
		}),
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
	for _, secret := range secrets {
		if strings.Contains(got, secret) {
			t.Errorf("%s: %q shows", file, secret)
		}
	}
}

func testdata(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	return names
}

func isBad(name string) bool { return strings.Contains(name, ".bad.") }

func TestLoadRefuses(t *testing.T) {
	names := slices.DeleteFunc(slices.Concat(testdata(t, "*.toml"), testdata(t, "*.properties")), func(n string) bool { return !isBad(n) })
	if len(names) < 30 {
		t.Fatalf("only %d bad files", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			if problems := (*config.Error)(nil); !errors.As(err, &problems) {
				t.Fatalf("want a *config.Error, got %v", err)
			}
			golden(t, filepath.Join("testdata", name+".want"), err.Error()+"\n")
		})
	}
}

func TestLoadAccepts(t *testing.T) {
	names := slices.DeleteFunc(slices.Concat(testdata(t, "*.toml"), testdata(t, "*.properties")), isBad)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, name)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", name+".want"), dump(c))
		})
	}
}

// dump prints a tree one fact a line. Secrets show as [hidden].
func dump(c *config.Config) string {
	var b strings.Builder
	for _, alias := range slices.Sorted(maps.Keys(c.Clusters)) {
		fmt.Fprintf(&b, "cluster %s\n", alias)
		dumpConnection(&b, c.Clusters[alias])
	}
	for _, f := range c.Flows {
		fmt.Fprintf(&b, "flow %s\n", f.ID)
		fmt.Fprintf(&b, "  topics %q except %q, copy %t, heartbeats too %t\n", f.Topics.Include(), f.Topics.Exclude(), f.Copy, f.ReplicateHeartbeats)
		fmt.Fprintf(&b, "  policy %s, orders -> %s, syncs %s\n", f.Policy.Name(), f.RemoteTopic("orders"), f.Policy.OffsetSyncsTopic("X"))
		fmt.Fprintf(&b, "  lanes %d, %s, read uncommitted %t, start latest %t\n", f.Lanes, f.Delivery, f.ReadUncommitted, f.StartLatest)
		fmt.Fprintf(&b, "  replication factors: topics %d, lanes %d, heartbeats %d\n", f.ReplicationFactor, f.LanesReplicationFactor, f.HeartbeatsReplicationFactor)
		fmt.Fprintf(&b, "  discovery %s, commit %s or %d bytes, session %s, transaction %s\n",
			f.DiscoveryInterval, f.CommitInterval, f.CommitBytes, f.SessionTimeout, f.TransactionTimeout)
		fmt.Fprintf(&b, "  compression %s, rate limit %d\n", f.Compression, f.RateLimit)
		fmt.Fprintf(&b, "  configs except %q\n", f.ConfigExclude.Include())
		fmt.Fprintf(&b, "  heartbeats %+v, fetch %+v, produce %+v\n", f.Heartbeats, f.Fetch, f.Produce)
		dumpFollow(&b, f)
	}
	fmt.Fprintf(&b, "service %+v\n", c.Service)
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

// dumpFollow prints what keeps the target in step beside the records.
func dumpFollow(b *strings.Builder, f config.Flow) {
	s, o, p, g := f.ConfigSync, f.OffsetSyncs, f.Checkpoints, f.Groups
	fmt.Fprintf(b, "  sync: configs %t, acls %t (%s), %s every %s, defaults from %s, delete topics %t\n",
		s.Configs, s.ACLs, s.ACLMode, s.Mode, s.Interval, s.DefaultsFrom, s.DeleteTopics)
	fmt.Fprintf(b, "  offset syncs %t on %s, lag %d, factor %d; checkpoints %t every %s, factor %d, index %d\n",
		o.Emit, o.Location, o.LagMax, o.ReplicationFactor, p.Emit, p.Interval, p.ReplicationFactor, p.IndexBytes)
	fmt.Fprintf(b, "  groups %q except %q, sync %t every %s, %s, poll %s\n",
		g.Filter.Include(), g.Filter.Exclude(), g.Sync, g.SyncInterval, g.Follow, g.PollInterval)
	fmt.Fprintf(b, "  on %+v, provenance %s, java %+v\n", f.OnTrouble, f.Provenance, f.Java)
}

func dumpConnection(b *strings.Builder, c connection.Connection) {
	fmt.Fprintf(b, "  %q %s\n", c.Bootstrap, c.Protocol)
	for _, part := range []any{c.TLS, c.SASL, c.Client} {
		if text := nonZero(reflect.ValueOf(part)); text != "" {
			fmt.Fprintf(b, " %s\n", text)
		}
	}
}

// nonZero prints the fields of a struct that are set, so that a new field
// changes no file.
func nonZero(v reflect.Value) string {
	var b strings.Builder
	for i := range v.NumField() {
		switch field := v.Field(i); {
		case field.IsZero():
		case field.Kind() == reflect.Struct:
			fmt.Fprintf(&b, " %s{%s }", v.Type().Field(i).Name, nonZero(field))
		default:
			fmt.Fprintf(&b, " %s=%v", v.Type().Field(i).Name, field)
		}
	}
	return b.String()
}

func TestLoadResolvesSecrets(t *testing.T) {
	standby, err := load(t, "active-standby.toml")
	if err != nil {
		t.Fatal(err)
	}
	custom, err := load(t, "custom.toml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		got  connection.Secret
		want string
	}{
		{"environment", standby.Clusters["tokyo"].SASL.Password, "env-secret"},
		{"key of a file", custom.Clusters["A"].TLS.Trust.Password, "store-secret"},
		{"whole file", custom.Clusters["B"].SASL.OAuth.ClientSecret, "file-secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.got.Reveal(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLoadFile(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"missing", "nowhere.toml", "nowhere.toml: cannot be read: no such file or directory"},
		{"extension", "mesh.yaml", `mesh.yaml: the extension ".yaml" says nothing about the format: want .toml or .properties`},
		{"no extension", "mesh", `mesh: the extension "" says nothing about the format: want .toml or .properties`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.path)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
