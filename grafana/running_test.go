package grafana_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long the last series may take to appear: rates need two
// scrapes, heartbeats a second, the first commits a group's first rebalance.
const patience = 30 * time.Second

// watch is a Prometheus and until when we wait for what it should see.
type watch struct {
	*prometheus
	end time.Time
}

// until tries again what is not so yet, and returns why it is not in the end.
func (w watch) until(ctx context.Context, f func(context.Context) error) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil || time.Now().After(w.end) {
			return err
		}
		<-tick.C
	}
}

// What a dashboard shows and an alert looks at is what a running mesh exports.
func TestDashboardsAndAlertsOnARunningMesh(t *testing.T) {
	program(t, "prometheus")
	w := watch{startPrometheus(t, startMesh(t)), time.Now().Add(patience)}
	t.Run("series", func(t *testing.T) { seriesExist(t, w) })
	t.Run("panels", func(t *testing.T) { panelsHaveData(t, w) })
	t.Run("variables", func(t *testing.T) { variablesHaveValues(t, w) })
	t.Run("rules", func(t *testing.T) { rulesAreEvaluated(t, w) })
}

// seriesExist waits until every selector that a panel or a rule uses matches
// something.
func seriesExist(t *testing.T, w watch) {
	used := map[string]bool{}
	for _, d := range dashboards(t) {
		for _, panel := range d.Panels {
			for _, q := range panel.Targets {
				for _, s := range selectors(concrete(q.Expr)) {
					for _, one := range s {
						used[one] = true
					}
				}
			}
		}
	}
	var rules []rule
	if err := w.until(t.Context(), func(ctx context.Context) (err error) {
		rules, err = w.rules(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		for _, s := range selectors(r.Query) {
			for _, one := range s {
				used[one] = true
			}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(used)) {
		if err := w.until(t.Context(), func(ctx context.Context) error { return has(ctx, w, s) }); err != nil {
			t.Error(err)
		}
	}
}

func has(ctx context.Context, w watch, expr string) error {
	n, err := w.count(ctx, expr)
	if err == nil && n == 0 {
		err = fmt.Errorf("%s has no data", expr)
	}
	return err
}

func panelsHaveData(t *testing.T, w watch) {
	for name, d := range dashboards(t) {
		for _, panel := range d.Panels {
			for _, q := range panel.Targets {
				expr := concrete(q.Expr)
				if err := w.until(t.Context(), func(ctx context.Context) error { return has(ctx, w, expr) }); err != nil {
					t.Errorf("%s, %q: %v", name, panel.Title, err)
				}
			}
		}
	}
}

// concrete puts in what Grafana would when everything is selected.
func concrete(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5s", "$source", ".*", "$target", ".*").Replace(expr)
}

func variablesHaveValues(t *testing.T, w watch) {
	labelValues := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for name, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			m := labelValues.FindStringSubmatch(concrete(v.Definition))
			if m == nil {
				t.Errorf("%s: variable %s asks for %q", name, v.Name, v.Definition)
				continue
			}
			if got, err := w.values(t.Context(), m[2], m[1]); err != nil || !slices.Equal(got, []string{"seoul", "tokyo"}) {
				t.Errorf("%s: variable %s has the values %v, %v", name, v.Name, got, err)
			}
		}
	}
}

// rulesAreEvaluated waits until no alert is about to fire in a mesh that works.
func rulesAreEvaluated(t *testing.T, w watch) {
	var rules []rule
	err := w.until(t.Context(), func(ctx context.Context) (err error) {
		if rules, err = w.rules(ctx); err != nil {
			return err
		}
		for _, r := range rules {
			if r.Health != "ok" || r.State != "inactive" {
				return fmt.Errorf("%s is %s and %s: %s", r.Name, r.Health, r.State, r.LastError)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if len(rules) == 0 {
		t.Error("there are no rules")
	}
	for _, r := range rules {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has severity %q", r.Name, s)
		}
		if r.Annotations["summary"] == "" || !strings.Contains(r.Annotations["description"], "docs/") {
			t.Errorf("%s does not say what to do: %v", r.Name, r.Annotations)
		}
	}
}

func TestAlertsAreWellFormed(t *testing.T) { promtool(t, "check", "rules", "alerts.yml") }

// Every alert fires when it should, and none when all is well.
func TestAlertsFire(t *testing.T) { promtool(t, "test", "rules", "testdata/alerts.test.yml") }
