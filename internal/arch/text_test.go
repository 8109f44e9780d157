package arch_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := make(map[string]int)
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		documented[f.dir()] += 0
		if f.doc != nil && strings.TrimSpace(f.doc.Text()) != "" {
			documented[f.dir()]++
		}
	}
	for dir, n := range documented {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, n)
		}
	}
}

// machinePath matches what only exists where somebody works: home directories,
// work directories of build machines. Its parts are kept apart so that this
// file does not match itself.
var machinePath = regexp.MustCompile(strings.Join([]string{
	`/home` + `/[a-z]`, `/Users` + `/[A-Za-z]`, `/root` + `/`, `/work` + `/[a-z]`, `C:\\` + `Users`,
	`proxy\.golang` + `\.org`, `repo[0-9]*\.maven` + `\.`, `deb\.debian` + `\.org`, `registry\.npm`, `registry-1\.docker` + `\.io`,
}, "|"))

func TestNoFileNamesAMachine(t *testing.T) {
	files(t, func(name, slashed string) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return // not text
		}
		for number, line := range strings.Split(string(text), "\n") {
			if found := machinePath.FindString(line); found != "" {
				t.Errorf("%s:%d: %q belongs to one machine or registry", slashed, number+1, found)
			}
		}
	})
}

func TestMachinePath(t *testing.T) {
	for text, want := range map[string]bool{
		"see /home" + "/anna/mm2":   true,
		"/root" + "/.cache":         true,
		"root:x:0:0:root:/root:sh":  false,
		"/var/run/docker.sock":      false,
		"${XDG_CACHE_HOME}/mm2":     false,
		"network/homepage":          false,
		"docs/work-in-progress.txt": false,
	} {
		if got := machinePath.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
