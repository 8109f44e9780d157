package grafana_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/config"
)

const meshFile = `
[clusters.seoul]
bootstrap = ["%s"]
[clusters.tokyo]
bootstrap = ["%s"]
[defaults]
lanes = 2
[[topology]]
kind     = "active-active"
clusters = ["seoul", "tokyo"]
topics   = ["orders"]
`

// startMesh runs the service between two clusters with traffic both ways until
// the test ends, and returns the address of its HTTP side.
func startMesh(t *testing.T) string {
	t.Helper()
	var addresses []string
	for _, id := range []string{"cluster-seoul", "cluster-tokyo"} {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID(id), kfake.SeedTopics(2, "orders"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		addresses = append(addresses, c.ListenAddrs()[0])
	}
	file := filepath.Join(t.TempDir(), "mesh.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, meshFile, addresses[0], addresses[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Service.Listen = freeAddress(t)
	a, err := app.New(cfg, app.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	run(t, a.Run)
	for _, address := range addresses {
		produce(t, address)
	}
	return cfg.Service.Listen
}

// run calls f until the test ends.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// produce writes orders steadily until the test ends.
func produce(t *testing.T, address string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic("orders"), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	run(t, func(ctx context.Context) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				cl.Produce(ctx, kgo.StringRecord(strings.Repeat("x", 100)), nil)
			}
		}
	})
}
