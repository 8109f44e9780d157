package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"mm2/e2e"
)

func TestMain(m *testing.M) {
	if os.Getenv(envCounter) != "" {
		os.Exit(counter()) // this process is a worker that a test started
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	// The container that would clean up after us comes from a registry; we
	// clean up ourselves, also after processes that died.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := errors.Join(fleet.close(context.Background()), os.RemoveAll(fleet.dir)); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			code = 1
		}
	}()
	if os.Getenv(envAcross) != "" {
		return across() // this process is an application that a test started
	}
	return m.Run()
}

// fleet is what tests share: the binary, and single-node clusters by name. Tests
// do not run in parallel.
var fleet shared

type shared struct {
	prepare  sync.Once
	dir      string
	failed   error
	clusters map[string]*e2e.Cluster

	build       sync.Once
	path        string
	buildFailed error

	peer       sync.Once
	peerPath   string
	peerFailed error
}

// need skips or fails the test if it cannot run, and prepares the fleet once.
func need(t *testing.T) {
	t.Helper()
	e2e.Require(t)
	fleet.prepare.Do(func() {
		fleet.clusters = make(map[string]*e2e.Cluster)
		fleet.failed = e2e.RemoveLeftovers(t.Context())
		if fleet.failed != nil {
			return
		}
		fleet.dir, fleet.failed = os.MkdirTemp("", "mm2-e2e-") //nolint:usetesting // outlives the test that makes it
	})
	if fleet.failed != nil {
		t.Fatal(fleet.failed)
	}
}

// binary returns the path of mm2, built at the first call.
func (s *shared) binary(t *testing.T) string {
	t.Helper()
	need(t)
	s.build.Do(func() { s.path, s.buildFailed = e2e.Build(context.WithoutCancel(t.Context()), s.dir) })
	if s.buildFailed != nil {
		t.Fatal(s.buildFailed)
	}
	return s.path
}

// streamsPeer returns the path of streamspeer, built at the first call.
func (s *shared) streamsPeer(t *testing.T) string {
	t.Helper()
	need(t)
	s.peer.Do(func() {
		s.peerPath, s.peerFailed = e2e.BuildCommand(context.WithoutCancel(t.Context()), s.dir, "mm2/e2e/streamspeer")
	})
	if s.peerFailed != nil {
		t.Fatal(s.peerFailed)
	}
	return s.peerPath
}

// cluster returns the shared single-node cluster of that name. Tests keep out of
// each other's way by the names of their topics and the aliases they give it.
func cluster(t *testing.T, name string) *e2e.Cluster {
	t.Helper()
	need(t)
	c := fleet.clusters[name]
	if c == nil {
		var err error
		if c, err = e2e.Start(t.Context(), e2e.Options{}); err != nil {
			t.Fatal(err)
		}
		fleet.clusters[name] = c
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("cluster %s:\n%s", name, c.LogTail(context.WithoutCancel(t.Context()), 15))
		}
	})
	return c
}

// ownClusters is for tests that hurt brokers: it removes the shared clusters, so
// that never more than four nodes run, and starts others for this test.
func ownClusters(t *testing.T, options ...e2e.Options) []*e2e.Cluster {
	t.Helper()
	need(t)
	if err := fleet.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	clusters := make([]*e2e.Cluster, len(options))
	for i, o := range options {
		clusters[i] = e2e.StartFor(t, o)
	}
	return clusters
}

func (s *shared) close(ctx context.Context) error {
	var errs []error
	for name, c := range s.clusters {
		errs = append(errs, c.Close(ctx))
		delete(s.clusters, name)
	}
	return errors.Join(errs...)
}
