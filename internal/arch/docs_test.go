package arch_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	testName = regexp.MustCompile("`([a-z0-9]+\\.(?:Test|Fuzz)\\w+)`")
)

// tests are the names of all tests of the tree, as documents write them:
// the last part of the package's path, a dot, the function.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	files(t, func(name, slashed string) {
		if !strings.HasSuffix(slashed, "_test.go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			found[path.Base(path.Dir(slashed))+"."+string(m[1])] = true
		}
	})
	return found
}

func TestDocumentsNameTestsThatExist(t *testing.T) {
	known := tests(t)
	named := 0
	files(t, func(_, slashed string) {
		if path.Ext(slashed) != ".md" {
			return
		}
		for _, m := range testName.FindAllStringSubmatch(readDoc(t, slashed), -1) {
			named++
			if !known[m[1]] {
				t.Errorf("%s names %s, which does not exist", slashed, m[1])
			}
		}
	})
	if named < 50 {
		t.Errorf("documents name %d tests: the pattern does not find them", named)
	}
}

// Every promise names a test, and so does every limit that is said to be held.
func TestGuaranteesNameTheirTests(t *testing.T) {
	promises := 0
	for section := range strings.SplitSeq(readDoc(t, "docs/guarantees.md"), "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if title != "What holds" && title != "Limits that tests hold" {
			continue
		}
		for _, item := range strings.Split(body, "\n- ")[1:] {
			item, _, _ = strings.Cut(item, "\n#")
			promises++
			if !testName.MatchString(item) {
				t.Errorf("names no test: %s", strings.Join(strings.Fields(item), " "))
			}
		}
	}
	if promises < 30 {
		t.Errorf("%d promises: the sections are not found", promises)
	}
}

// What the operations page says about metrics is what the code exports.
func TestOperationsPageHasEveryMetric(t *testing.T) {
	exported, documented := make(map[string]bool), make(map[string]bool)
	inCode := regexp.MustCompile(`"(mm2_[a-z_]+)"`)
	files(t, func(name, slashed string) {
		if path.Ext(slashed) != ".go" || strings.HasSuffix(slashed, "_test.go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inCode.FindAllSubmatch(text, -1) {
			exported[string(m[1])] = true
		}
	})
	for _, m := range regexp.MustCompile("(?m)^\\| `(mm2_[a-z_]+)`").FindAllStringSubmatch(readDoc(t, "docs/operations.md"), -1) {
		documented[m[1]] = true
	}
	for name := range maps.Keys(exported) {
		if !documented[name] {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}
	for name := range maps.Keys(documented) {
		if !exported[name] {
			t.Errorf("docs/operations.md has %s, which nothing exports", name)
		}
	}
}

// Keys that the reader of TOML asks for stand in the reference.
func TestConfigurationPageHasEveryKey(t *testing.T) {
	asked := regexp.MustCompile(`\.(?:text|texts|integer|boolean|duration|size|quantity|choice|int32Size|set|setSecret|secret|table|tablesByName|tableArray)\("([a-z_]+)"`)
	listed := regexp.MustCompile(`(?m)^\s*\{?"([a-z]+_[a-z_]+)":?,? `)
	keys := make(map[string]bool)
	files(t, func(name, slashed string) {
		if ok, _ := path.Match("internal/config/toml*.go", slashed); !ok || strings.HasSuffix(slashed, "_test.go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Concat(asked.FindAllSubmatch(text, -1), listed.FindAllSubmatch(text, -1)) {
			keys[string(m[1])] = true
		}
	})
	page := readDoc(t, "docs/configuration.md")
	for key := range keys {
		if !regexp.MustCompile("`\\[*(?:[a-z]+\\.)*" + key + "\\]*`").MatchString(page) {
			t.Errorf("docs/configuration.md lacks `%s`", key)
		}
	}
	if len(keys) < 50 {
		t.Errorf("%d keys: the patterns do not find them", len(keys))
	}
}

// A stranger and a build machine run the same command.
func TestReadmeAndBuildMachineTestAlike(t *testing.T) {
	const command = "go test -race -timeout 30m ./..."
	for _, name := range []string{"README.md", ".ci/run", "Makefile"} {
		if !regexp.MustCompile(`(?m)(^|["\s])` + regexp.QuoteMeta(command) + `$`).MatchString(readDoc(t, name)) {
			t.Errorf("%s does not run %q", name, command)
		}
	}
}

// Links between documents lead to files of the tree.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	files(t, func(name, slashed string) {
		if path.Ext(slashed) != ".md" {
			return
		}
		for _, m := range link.FindAllStringSubmatch(readDoc(t, slashed), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s links to %s, which is not there", slashed, m[1])
			}
		}
	})
}
