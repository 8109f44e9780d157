package config_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"mm2/internal/config"
)

const awkwardDocument = `# comment with [brackets] and = signs
title = "a # in text" # and one behind
[a]
text = """
line [x]
key = "no key"
"""
literal = '''
it's'''
b.c = 1
"q.k" = [ 1, # one
  2,
  { x = 3,
    y = [4, 5] },
]
last = ["]", '[']

[a.sub]
k=1
[[t]]
n = 1
[t.sub]
x = 1
[[t]]
n = 2
[[t.u]]
z = 1
[[t.u]]
z = 2
[ "->" . 'w' ]
v = 1
`

func TestTOMLLines(t *testing.T) {
	want := map[string]int{
		"title": 2, "a": 3, "a.text": 4, "a.literal": 8, "a.b": 10, "a.b.c": 10,
		"a.q.k": 11, "a.q.k[0]": 11, "a.q.k[1]": 12, "a.q.k[2]": 13, "a.q.k[2].x": 13,
		"a.q.k[2].y": 14, "a.q.k[2].y[0]": 14, "a.q.k[2].y[1]": 14,
		"a.last": 16, "a.last[0]": 16, "a.last[1]": 16,
		"a.sub": 18, "a.sub.k": 19,
		"t": 20, "t[0]": 20, "t[0].n": 21, "t[0].sub": 22, "t[0].sub.x": 23,
		"t[1]": 24, "t[1].n": 25, "t[1].u": 26, "t[1].u[0]": 26, "t[1].u[0].z": 27, "t[1].u[1]": 28, "t[1].u[1].z": 29,
		"->": 30, "->.w": 30, "->.w.v": 31,
	}
	if diff := cmp.Diff(want, config.TOMLLines(awkwardDocument)); diff != "" {
		t.Errorf("lines (-want +got)\n%s", diff)
	}
}

// Whatever the library accepts, every key that it finds has a line.
func FuzzTOMLLines(f *testing.F) {
	for _, seed := range []string{
		awkwardDocument, "a=1", "[a]\n[a.b]\n", "[[a]]\n[[a]]", "a = {b = [1,2], c.d = 3}", "a = \"\\\"\"", "''=1", "a = ''''x'''''",
		"[a", "a = [", "a = {", `"\u0061" = 1`, "a.b.c=[[1],[2]]", "x=1\r\ny=2\r\n", "]", "=", "a='",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		lines := config.TOMLLines(document)
		var values map[string]any
		meta, err := toml.Decode(document, &values)
		if err != nil || strings.ContainsAny(document, "\x00\x01") || strings.Contains(document, `\`) {
			return
		}
		last := strings.Count(document, "\n") + 1
		for _, key := range meta.Keys() {
			line, found := lines[strings.Join(key, ".")]
			inArray := slices.ContainsFunc(slices.Collect(maps.Keys(lines)), func(p string) bool { return strings.Contains(p, "[0]") })
			empty := slices.Contains(key, "")
			if !found && !inArray && !empty || line > last {
				t.Errorf("key %q has line %d of %d in\n%s", key, line, last, document)
			}
		}
	})
}
