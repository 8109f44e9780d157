package properties

import (
	"maps"
	"strings"
	"testing"
)

func TestParseJAAS(t *testing.T) {
	tests := []struct {
		name, in, module string
		options          map[string]string
	}{
		{"plain", `a.PlainLoginModule required username="u" password="p";`, "a.PlainLoginModule", map[string]string{"username": "u", "password": "p"}},
		{"single quotes", `M required username='u' password='p"q' ;`, "M", map[string]string{"username": "u", "password": `p"q`}},
		{"no quotes", `M Required username=u-1_$ password=123;`, "M", map[string]string{"username": "u-1_$", "password": "123"}},
		{"blanks and lines", "M\n optional\n  a = \"1\"\n ; ", "M", map[string]string{"a": "1"}},
		{"escapes", `M required a="\"\\\n\101\7";`, "M", map[string]string{"a": "\"\\\nA\a"}},
		{"semicolon in quotes", `M required a="b;c=d";`, "M", map[string]string{"a": "b;c=d"}},
		{"comments", "/* x */ M required // y\n a=b;", "M", map[string]string{"a": "b"}},
		{"no options", "M sufficient;", "M", map[string]string{}},
		{"dotted option", `M required ssl.truststore.location="/x";`, "M", map[string]string{"ssl.truststore.location": "/x"}},
		{"long characters", `M required a="\ü€";`, "M", map[string]string{"a": "ü€"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseJAAS(tt.in)
			if err != nil || got.module != tt.module || !maps.Equal(got.options, tt.options) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestParseJAASRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", "want a login module class"},
		{"only a module", "M", "want a control flag"},
		{"bad flag", `M requird a="hunter2";`, "want required, requisite, sufficient or optional after the login module class"},
		{"no end", `M required a="hunter2"`, "the entry does not end in a semicolon"},
		{"no value", `M required a=;`, "option 1: want a value"},
		{"no equals", `M required a="x" hunter2;`, "option 2: want = after its name"},
		{"open quotes", `M required a="hunter2;`, "option 1: the quotes are not closed"},
		{"line end in quotes", "M required a=\"hun\nter2\";", "option 1: the quotes are not closed"},
		{"two modules", "M required; N required;", "want only one login module: there is text after the semicolon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseJAAS(tt.in)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Whatever the text, the parser ends, and its errors do not repeat it.
func FuzzParseJAAS(f *testing.F) {
	for _, seed := range []string{`M required username="u" password="p";`, `M required a='\101\"';`, "/* // M", `M required a="\`, "M required a=b;;", "//\nM required;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseJAAS("hunter2 " + text)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the text: %v", err)
		}
	})
}
