package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/internal/mm2test"
)

const liveTOML = `
[service]
listen = "off"
[clusters.seoul]
bootstrap = ["127.0.0.1:9093"]
[clusters.tokyo]
bootstrap = ["127.0.0.1:9094"]
[[topology]]
kind = "active-standby"
active = "seoul"
standby = "tokyo"
topics = ["orders.*", "users"]
`

// loadLive reads the file.
func loadLive(t *testing.T) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mesh.toml")
	if err := os.WriteFile(file, []byte(liveTOML), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.File = "mesh.toml"
	return cfg
}

func TestLivePlan(t *testing.T) {
	for _, output := range []string{"text", "json"} {
		t.Run(output, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var vnet kfake.VirtualNetwork
				dial := []kgo.Opt{kgo.Dialer(vnet.DialContext)}
				seoul, tokyo := mm2test.NewCluster(t, &vnet, 9093, "seoul"), mm2test.NewCluster(t, &vnet, 9094, "tokyo")
				create(t, seoul, "orders", 3, map[string]string{"retention.ms": "1000"})
				create(t, seoul, "users", 1, map[string]string{"cleanup.policy": "compact"})
				create(t, tokyo, "seoul.users", 2, nil)
				cfg := loadLive(t)
				plan := func() (string, error) {
					t.Helper()
					var out bytes.Buffer
					err := (&planLive{output: output, clientOpts: dial}).compare(t.Context(), cfg, &out)
					return out.String(), err
				}
				text, err := plan()
				if !errors.Is(err, errWouldChange) {
					t.Fatalf("error %v", err)
				}
				golden(t, filepath.Join("testdata", "live."+output+".want"), text)
				serve(t, cfg, dial)
				if text, err = plan(); err != nil {
					t.Fatalf("after running it: %v\n%s", err, text)
				}
				golden(t, filepath.Join("testdata", "live-settled."+output+".want"), text)
			})
		})
	}
}

func TestLivePlanNamesTheClusterThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var vnet kfake.VirtualNetwork
		mm2test.NewCluster(t, &vnet, 9093, "seoul")
		var out bytes.Buffer
		err := (&planLive{output: "text", clientOpts: []kgo.Opt{kgo.Dialer(vnet.DialContext)}}).compare(t.Context(), loadLive(t), &out)
		if err == nil || errors.Is(err, errWouldChange) || !strings.Contains(err.Error(), "cluster tokyo") {
			t.Errorf("error %v", err)
		}
		if !strings.Contains(out.String(), "cannot be planned\n  cluster tokyo") || !strings.Contains(out.String(), "kafka-acls.sh") {
			t.Errorf("output:\n%s", out.String())
		}
	})
}

func create(t *testing.T, c *mm2test.Cluster, topic string, partitions int32, configs map[string]string) {
	t.Helper()
	if err := c.CreateTopic(topic, partitions, configs); err != nil {
		t.Fatal(err)
	}
}

// serve runs the service until it has settled.
func serve(t *testing.T, cfg *config.Config, dial []kgo.Opt) {
	t.Helper()
	a, err := app.New(cfg, app.Options{Logger: slog.New(slog.DiscardHandler), ClientOpts: dial})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
}
