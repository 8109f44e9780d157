package grafana_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/grafana"
)

// dashboard is what we rely on in Grafana's JSON.
type dashboard struct {
	UID, Title, Description string
	SchemaVersion           int
	Templating              struct{ List []variable }
	Panels                  []panel
}

type variable struct{ Name, Type, Definition string }

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               *datasource
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []target
}

type datasource struct{ Type, UID string }

type target struct {
	RefID, Expr string
	Datasource  *datasource
}

// dashboards are the embedded ones by file name.
func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	names, err := fs.Glob(grafana.Files(), "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("dashboards %v: %v", names, err)
	}
	out := map[string]dashboard{}
	for _, name := range names {
		text, err := fs.ReadFile(grafana.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = d
	}
	return out
}

// A panel says what it shows, in which unit, and lies on no other.
func TestDashboardsAreWellFormed(t *testing.T) {
	for name, d := range dashboards(t) {
		if d.UID == "" || d.Title == "" || d.Description == "" || d.SchemaVersion < 36 {
			t.Errorf("%s: uid %q, title %q, description %q, schema %d", name, d.UID, d.Title, d.Description, d.SchemaVersion)
		}
		ids, titles := map[int]bool{}, map[string]bool{}
		for i, p := range d.Panels {
			g := p.GridPos
			if ids[p.ID] || p.ID <= 0 {
				t.Errorf("%s: %q has id %d, which is not its own", name, p.Title, p.ID)
			}
			ids[p.ID] = true
			if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %q lies outside of the grid: %+v", name, p.Title, g)
			}
			for _, q := range d.Panels[:i] {
				o := q.GridPos
				if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
					t.Errorf("%s: %q overlaps %q", name, p.Title, q.Title)
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s: %q of type %s has description %q, unit %q, %d queries",
					name, p.Title, p.Type, p.Description, p.FieldConfig.Defaults.Unit, len(p.Targets))
			}
			if key := p.Type + p.Title; titles[key] {
				t.Errorf("%s has two panels %q", name, p.Title)
			} else {
				titles[key] = true
			}
		}
	}
}

var variableName = regexp.MustCompile(`\$\{?(\w+)`)

// Queries use the dashboard's variables, and the data source that was chosen.
func TestDashboardsUseTheirVariables(t *testing.T) {
	for name, d := range dashboards(t) {
		known := []string{"__rate_interval"}
		for _, v := range d.Templating.List {
			known = append(known, v.Name)
		}
		for _, want := range []string{"datasource", "source", "target"} {
			if !slices.Contains(known, want) {
				t.Errorf("%s has no variable %s", name, want)
			}
		}
		for _, p := range d.Panels {
			refs := map[string]bool{}
			for _, q := range p.Targets {
				if refs[q.RefID] || q.RefID == "" {
					t.Errorf("%s: %q: query %q is not the only one of that name", name, p.Title, q.RefID)
				}
				refs[q.RefID] = true
				for _, m := range variableName.FindAllStringSubmatch(q.Expr, -1) {
					if !slices.Contains(known, m[1]) {
						t.Errorf("%s: %q uses $%s, which is no variable", name, p.Title, m[1])
					}
				}
				for _, s := range []*datasource{p.Datasource, q.Datasource} {
					if s == nil || s.Type != "prometheus" || s.UID != "${datasource}" {
						t.Errorf("%s: %q does not use the data source that was chosen", name, p.Title)
					}
				}
				for m := range selectors(q.Expr) {
					if strings.HasPrefix(m, "mm2_") && m != "mm2_build_info" && !strings.Contains(q.Expr, "$source") {
						t.Errorf("%s: %q does not follow the variables: %s", name, p.Title, q.Expr)
					}
				}
			}
		}
	}
}

var selector = regexp.MustCompile(`\b((?:mm2|kafka|process|go)_[a-z_]+)(\{[^}]*\})?`)

// selectors are the metrics of an expression with their selectors.
func selectors(expr string) map[string][]string {
	out := map[string][]string{}
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		if !slices.Contains(out[m[1]], m[0]) {
			out[m[1]] = append(out[m[1]], m[0])
		}
	}
	return out
}

func TestSelectors(t *testing.T) {
	got := selectors(`max by (source) (mm2_a_total{x="y",z=~"1|2"}) - (mm2_b or mm2_b * 0) > 0 and rate(mm2_a_total[5m])`)
	if len(got) != 2 || len(got["mm2_a_total"]) != 2 || len(got["mm2_b"]) != 1 || got["mm2_a_total"][0] != `mm2_a_total{x="y",z=~"1|2"}` {
		t.Errorf("got %v", got)
	}
}

// An alert leads to a chapter that exists.
func TestAlertsNameChaptersThatExist(t *testing.T) {
	text, err := fs.ReadFile(grafana.Files(), "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(text)), " ")
	named := regexp.MustCompile(`"([^"]+)" (?:in|of) docs/([a-z]+\.md)`).FindAllStringSubmatch(flat, -1)
	for _, m := range named {
		page, err := os.ReadFile(filepath.Join("..", "docs", m[2]))
		if err != nil {
			t.Errorf("alerts.yml names docs/%s: %v", m[2], err)
			continue
		}
		if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(m[1]) + `$|\*\*` + regexp.QuoteMeta(m[1])).Match(page) {
			t.Errorf("docs/%s has no chapter %q", m[2], m[1])
		}
	}
	if alerts := strings.Count(string(text), "- alert:"); alerts == 0 || len(named) < alerts-3 {
		t.Errorf("%d alerts name %d chapters: the pattern does not find them", alerts, len(named))
	}
}

// The page about alerts has all of them, with their severity.
func TestEveryAlertIsOnItsPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "dashboards.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`MM2.*`"+`) \| (\w+) \|`).FindAllStringSubmatch(string(page), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(name, "`")] = row[2]
		}
	}
	text, err := fs.ReadFile(grafana.Files(), "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)- alert: (\w+).*?severity: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		alerts[m[1]] = m[2]
	}
	if diff := cmp.Diff(alerts, documented); diff != "" {
		t.Error(diff)
	}
}
