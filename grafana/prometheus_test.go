package grafana_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prometheus is a real Prometheus that scrapes one address and evaluates
// alerts.yml.
type prometheus struct{ url string }

// program finds a program of Debian's package prometheus. A build machine must
// have it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("%v; install it (Debian: apt-get install prometheus)", err)
	default:
		t.Skipf("%v; install it to check dashboards and alerts against a running mesh (Debian: apt-get install prometheus)", err)
	}
	return ""
}

const prometheusConfig = `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: mm2
    static_configs: [{targets: [%q]}]
`

// startPrometheus runs until the test ends.
func startPrometheus(t *testing.T, scraped string) *prometheus {
	t.Helper()
	binary := program(t, "prometheus")
	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, prometheusConfig, rules, scraped), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	var output bytes.Buffer
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("prometheus: %v\n%s", err, &output)
		}
	})
	return &prometheus{url: "http://" + address}
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// get asks the HTTP API and decodes "data" into out.
func (p *prometheus) get(ctx context.Context, path string, params url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return fmt.Errorf("%s: %s: %w", path, resp.Status, err)
	}
	if body.Status != "success" {
		return fmt.Errorf("%s: %s", path, body.Error)
	}
	return json.Unmarshal(body.Data, out)
}

// count is how many series an expression has now.
func (p *prometheus) count(ctx context.Context, expr string) (int, error) {
	var data struct{ Result []json.RawMessage }
	err := p.get(ctx, "/api/v1/query", url.Values{"query": {expr}}, &data)
	return len(data.Result), err
}

// values are those of a label of the series that match.
func (p *prometheus) values(ctx context.Context, label, match string) (out []string, err error) {
	err = p.get(ctx, "/api/v1/label/"+label+"/values", url.Values{"match[]": {match}}, &out)
	return out, err
}

// rule is an alert as Prometheus sees it.
type rule struct {
	Name, Query, Health, LastError, State string
	Labels, Annotations                   map[string]string
}

func (p *prometheus) rules(ctx context.Context) (out []rule, err error) {
	var data struct{ Groups []struct{ Rules []rule } }
	err = p.get(ctx, "/api/v1/rules", nil, &data)
	for _, g := range data.Groups {
		out = append(out, g.Rules...)
	}
	return out, err
}

// promtool runs a check of Prometheus's own.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, "promtool"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
