package arch_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// testSources are the test files of each package, joined, by the last part of
// the package's path.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	sources := make(map[string]string)
	files(t, func(name, slashed string) {
		if !strings.HasSuffix(slashed, "_test.go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[path.Base(path.Dir(slashed))] += string(text)
	})
	return sources
}

var (
	// "topology.TestMirrorClientTest" or "checkpoint.TestCheckpointTest/testSerde".
	caseName = regexp.MustCompile("`([a-z0-9]+)\\.((?:Test|Fuzz|Benchmark)\\w+)(?:/([^`]+))?`")
	caseRow  = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| (.+) \|$`)
)

// missingCase says what of a named test is not in the sources of its package;
// empty: it is there. A subtest counts as there if its name stands in them as
// a literal, or each of its parts does.
func missingCase(sources map[string]string, name []string) string {
	source, ok := sources[name[1]]
	if !ok {
		return "there is no package " + name[1] + " with tests"
	}
	if !regexp.MustCompile(`(?m)^func ` + name[2] + `\(`).MatchString(source) {
		return name[1] + " has no " + name[2]
	}
	literal := func(s string) bool { return strings.Contains(source, `"`+s+`"`) || strings.Contains(source, `"`+s+`/`) }
	if name[3] == "" || literal(name[3]) {
		return ""
	}
	for part := range strings.SplitSeq(name[3], "/") {
		if !literal(part) {
			return name[1] + ` has no "` + part + `"`
		}
	}
	return ""
}

// Every case of Java's tests has a test here, or a reason why not.
func TestEveryJavaCaseHasATest(t *testing.T) {
	sources := testSources(t)
	seen, cases, without := make(map[string]bool), 0, 0
	for _, row := range caseRow.FindAllStringSubmatch(readDoc(t, "docs/java-tests.md"), -1) {
		class, name, here := row[1], row[2], row[3]
		if class == "Java class" || class == "area" || strings.HasPrefix(class, "---") {
			continue
		}
		if cases++; seen[class+"."+name] {
			t.Errorf("%s %s stands there twice", class, name)
		}
		seen[class+"."+name] = true
		if reason, ok := strings.CutPrefix(here, "n/a: "); ok {
			if without++; len(reason) < 20 {
				t.Errorf("%s %s: %q is no reason", class, name, reason)
			}
			continue
		}
		named := caseName.FindAllStringSubmatch(here, -1)
		if len(named) == 0 {
			t.Errorf("%s %s names no test: %s", class, name, here)
		}
		for _, n := range named {
			if missing := missingCase(sources, n); missing != "" {
				t.Errorf("%s %s: %s", class, name, missing)
			}
		}
	}
	if cases < 200 {
		t.Errorf("%d cases: the rows are not found", cases)
	}
	if without > 10 {
		t.Errorf("%d cases have no test", without)
	}
}

func TestMissingCase(t *testing.T) {
	sources := map[string]string{"p": "func TestA(t *testing.T) {\n\tt.Run(\"one\", f)\n\tt.Run(\"two/x\", f)\n}\n"}
	for name, want := range map[string]string{
		"`p.TestA`":           "",
		"`p.TestA/one`":       "",
		"`p.TestA/two`":       "",
		"`p.TestA/one/two`":   "",
		"`q.TestA`":           "there is no package q with tests",
		"`p.TestB`":           "p has no TestB",
		"`p.TestA/three`":     `p has no "three"`,
		"`p.TestA/one/three`": `p has no "three"`,
	} {
		if got := missingCase(sources, caseName.FindStringSubmatch(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
