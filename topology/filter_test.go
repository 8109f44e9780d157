package topology_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"mm2/topology"
)

func TestFilterMatch(t *testing.T) {
	list := func(s ...string) []string { return s }
	tests := []struct {
		name             string
		include, exclude []string
		topic            string
		want             bool
	}{
		{"nothing included", nil, nil, "orders", false},
		{"literal", list("orders"), nil, "orders", true},
		{"whole name, head", list("orders"), nil, "orders2", false},
		{"whole name, tail", list("orders"), nil, "my.orders", false},
		{"whole name, second of a list", list("a", "b"), nil, "ab", false},
		{"second of a list", list("a", "b"), nil, "b", true},
		{"case matters", list("orders"), nil, "Orders", false},
		{"all", list(".*"), nil, "orders", true},
		{"exclude wins", list(".*"), list("ord.*"), "orders", false},
		{"exclude other", list(".*"), list("user.*"), "orders", true},
		{"class", list(`team[0-9_\-.]+`), nil, "team1-.x", false},
		{"class with a dash", list(`[\w-]+`), nil, "a-b", true},
		{"class that begins with a bracket", list("[]a]+"), nil, "a]", true},
		{"flag", list("(?i)orders"), nil, "ORDERS", true},
		{"flag reaches over the list, as in Java", list("(?i)a", "b"), nil, "B", true},
		{"flag in a group", list("(?i:a)b"), nil, "Ab", true},
		{"flag that means something else in Go", list("(?U)a+b"), nil, "aab", true},
		{"quote", list(`\Qa.b*\E+`), nil, "a.b**", true},
		{"quote in a class", list(`[\Q-.\E]+`), nil, "-.-", true},
		{"java class", list(`\p{Lower}+`), nil, "abc", true},
		{"java class, no match", list(`\p{javaLowerCase}+`), nil, "aBc", false},
		{"java class in a class", list(`[\p{Alpha}.]+`), nil, "a.B", true},
		{"java class, negated", list(`\P{Upper}+`), nil, "abc", true},
		{"unicode escape", list(`A`), nil, "A", true},
		{"octal escape", list(`\0101`), nil, "A", true},
		{"hex escape", list(`\x41\x{42}`), nil, "AB", true},
		{"repetition beyond RE2", list("a{1,2000}"), nil, strings.Repeat("a", 1500), true},
		{"closing brace is literal", list("a}"), nil, "a}", true},

		{"look-ahead", list("(?!internal)[a-z.]+"), nil, "orders", true},
		{"look-ahead, no match", list("(?!internal)[a-z.]+"), nil, "internal.x", false},
		{"positive look-ahead", list("(?=o).*"), nil, "orders", true},
		{"look-behind", list(".*(?<!-dlq)"), nil, "orders-dlq", false},
		{"positive look-behind", list(".*(?<=-dlq)"), nil, "orders-dlq", true},
		{"look-ahead in an exclude", list(".*"), list("(?!keep).*"), "drop", false},
		{"look-ahead keeps in an exclude", list(".*"), list("(?!keep).*"), "keep.this", true},
		{"look-ahead in a list", list("orders", "(?!x)us.*"), nil, "users", true},
		{"whole name with backtracking", list("(?!x)a", "b"), nil, "bc", false},
		{"back-reference", list(`([a-z]+)\.\1`), nil, "abc.abc", true},
		{"back-reference, no match", list(`([a-z]+)\.\1`), nil, "abc.abd", false},
		{"named back-reference", list(`(?<t>[a-z]+)\.\k<t>`), nil, "abc.abc", true},
		{"possessive", list("a++b"), nil, "aab", true},
		{"possessive gives nothing back", list("a*+a"), nil, "aaa", false},
		{"possessive group", list("(?:ab)++c"), nil, "ababc", true},
		{"possessive class", list(`[\w]{2,3}+x`), nil, "abcx", true},
		{"atomic", list("(?>a|ab)c"), nil, "abc", false},
		{"word characters are ASCII with backtracking", list(`(?!x)\w+`), nil, "é", false},
		{"the default excludes", list(".*"), list(`mm2.*\.internal`, `.*\.replica`, "__.*"), "mm2-configs.A.internal", false},
		{"the old default excludes", list(".*"), list(`.*[\-\.]internal`), "app-internal", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := filter(t, tt.include, tt.exclude).Match(tt.topic); got != tt.want {
				t.Errorf("Match(%q) = %t, want %t", tt.topic, got, tt.want)
			}
		})
	}
}

func TestZeroFilterMatchesNothing(t *testing.T) {
	var f topology.Filter
	if f.Match("") || f.Match("orders") {
		t.Error("the zero filter matched")
	}
}

func TestNewFilterRefuses(t *testing.T) {
	tests := []struct{ name, pattern, want string }{
		{"empty", "", `pattern "": an empty pattern matches no name`},
		{"glob", "*", `pattern "*": "*" repeats nothing; any name is .*, not *`},
		{"glob after a name", "a**", `pattern "a**": "*" repeats nothing; any name is .*, not *`},
		{"half a repetition", "a{1", `pattern "a{1": "{" begins no repetition such as {2} or {2,3} (in a properties file a comma ends the pattern); write \{ for the character`},
		{"open group", "(a", `pattern "(a": "(" is never closed`},
		{"closed group", "a)", `pattern "a)": ")" closes nothing`},
		{"open class", "[a", `pattern "[a": "[" is never closed`},
		{"intersection", "[a-z&&[^b]]", `pattern "[a-z&&[^b]]": an intersection of classes ("&&") is not supported; list the characters`},
		{"nested class", "[a[b]]", `pattern "[a[b]]": a class inside a class ("[a[b]]") is not supported; write \[ for the character`},
		{"backslash", `a\`, `pattern "a\\": ends in a backslash (in a properties file write \\)`},
		{"unknown escape", `\y`, `pattern "\\y": the escape \y is not supported here`},
		{"unknown class", `\p{Nonsense}`, `pattern "\\p{Nonsense}": the class \p{Nonsense} is not supported`},
		{"unknown group", "(?P<a>b)", `pattern "(?P<a>b)": "(?P" opens no group that Java knows`},
		{"comments", "(?x) a", `pattern "(?x) a": the flag (?x) for comments is not supported: remove it and the blanks`},
		{"bad repetition", "a{3,2}", `pattern "a{3,2}": {3,2} repeats more at least than at most`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := topology.NewFilter([]string{"fine", tt.pattern}, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestNewFilterReportsEveryPattern(t *testing.T) {
	_, err := topology.NewFilter([]string{"*", "("}, []string{"ok", "["})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Fatalf("want three problems, got %v", err)
	}
	var pattern *topology.PatternError
	if !errors.As(err, &pattern) || pattern.Pattern != "*" {
		t.Errorf("want a PatternError for *, got %v", err)
	}
}

func TestFilterThatTakesTooLong(t *testing.T) {
	f := filter(t, []string{"(?!x)(a+)+b"}, nil)
	name := strings.Repeat("a", 40)
	if _, err := f.Decide(name); err == nil {
		t.Error("want an error for a match that takes exponential time")
	}
	if f.Match(name) {
		t.Error("a name that cannot be decided was selected")
	}
}

func TestFilterIsSafeForConcurrentUse(t *testing.T) {
	f := filter(t, []string{"(?!x)[a-z]+", "o.*"}, []string{"y+"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if !f.Match("orders") || f.Match("yy") {
					t.Error("wrong answer")
				}
			}
		})
	}
	wg.Wait()
}

func TestFilterKeepsItsPatterns(t *testing.T) {
	include := []string{"a"}
	f := filter(t, include, []string{"b"})
	include[0] = "changed"
	f.Include()[0] = "changed"
	if got := f.Include()[0] + f.Exclude()[0]; got != "ab" {
		t.Errorf("patterns are %q, want ab", got)
	}
	if !f.Equal(filter(t, []string{"a"}, []string{"b"})) || f.Equal(filter(t, []string{"a"}, nil)) {
		t.Error("Equal does not compare both lists")
	}
}

func FuzzNewFilter(f *testing.F) {
	for _, s := range []string{".*", "a++", "(?!x)[a-z]+", `\p{Lower}`, "[]a]", `\Q.\E`, "(?i:a)", `(a)\1`, "a{2,3}?", "[^-a]", "(?<n>a)"} {
		f.Add(s, "orders")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 40 || len(name) > 40 {
			t.Skip("long patterns only repeat short ones")
		}
		filter, err := topology.NewFilter([]string{pattern}, nil)
		if err == nil {
			filter.Match(name)
		}
	})
}
