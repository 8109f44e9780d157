package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Environment variables that the tests know.
const (
	envEnable = "MM2_E2E"         // 1 runs the tests
	envImage  = "MM2_KAFKA_IMAGE" // image of the brokers
	envRace   = "MM2_E2E_RACE"    // 1 builds mm2 with the race detector
)

// DefaultImage is the image of the brokers unless MM2_KAFKA_IMAGE names another.
const DefaultImage = "apache/kafka:4.3.1"

func image() string {
	if name := os.Getenv(envImage); name != "" {
		return name
	}
	return DefaultImage
}

// Require skips the test unless end-to-end tests are wanted, and fails it if
// they are wanted and cannot run.
func Require(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("end-to-end test on real brokers: skipped by -short")
	}
	if os.Getenv(envEnable) != "1" {
		t.Skipf("end-to-end test on real brokers: set %s=1 or run \"make e2e\"; needs Docker", envEnable)
	}
	if err := dockerReady(t.Context()); err != nil {
		t.Fatalf("end-to-end test on real brokers: %s=1, but %v", envEnable, err)
	}
}

// dockerReady tells why containers cannot be started.
func dockerReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cli, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("docker is not reachable: %w", err)
	}
	defer func() { _ = cli.Close() }() // nothing was written
	if _, err := cli.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("docker is not reachable: %w", err)
	}
	return nil
}

// label marks our containers; its value is the process that started them.
const label = "mm2.e2e.pid"

// RemoveLeftovers removes containers of earlier test processes that ended
// without removing them.
func RemoveLeftovers(ctx context.Context) error {
	cli, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("docker: %w", err)
	}
	defer func() { _ = cli.Close() }() // nothing was written
	list, err := cli.ContainerList(ctx, client.ContainerListOptions{
		All:     true,
		Filters: make(client.Filters).Add("label", label),
	})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	for _, c := range list.Items {
		pid, err := strconv.Atoi(c.Labels[label])
		if err == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue // its process lives
		}
		if _, err := cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			return fmt.Errorf("remove container %s: %w", c.ID, err)
		}
	}
	return nil
}
