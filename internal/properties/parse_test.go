package properties

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The expectations were made by running java.util.Properties.
func TestParse(t *testing.T) {
	p := func(line int, key, value string) Entry { return Entry{Key: key, Value: value, Line: line} }
	tests := []struct {
		name, in string
		want     []Entry
	}{
		{"nothing", "", nil},
		{"equals", "a=b", []Entry{p(1, "a", "b")}},
		{"colon", "A.topics : x", []Entry{p(1, "A.topics", "x")}},
		{"blank", "A->C.enabled true", []Entry{p(1, "A->C.enabled", "true")}},
		{"tab", "a\tb", []Entry{p(1, "a", "b")}},
		{"blanks around", "  a \t = \f b", []Entry{p(1, "a", "b")}},
		{"only one separator", "a==b", []Entry{p(1, "a", "=b")}},
		{"separators of two kinds", "a:=b", []Entry{p(1, "a", "=b")}},
		{"no value", "a", []Entry{p(1, "a", "")}},
		{"no key", "=b", []Entry{p(1, "", "b")}},
		{"trailing blank is kept", "a = true ", []Entry{p(1, "a", "true ")}},
		{"comments", "# a=b\n  ! c=d\ne=f", []Entry{p(3, "e", "f")}},
		{"no comment behind a value", "clusters = A, B   # my clusters", []Entry{p(1, "clusters", "A, B   # my clusters")}},
		{"escapes are consumed", `topics.exclude = x\.y, [\-\.]z`, []Entry{p(1, "topics.exclude", "x.y, [-.]z")}},
		{"escaped backslash", `a = x\\.y`, []Entry{p(1, "a", `x\.y`)}},
		{"escaped separators", `a\ b\=c\:d = e`, []Entry{p(1, "a b=c:d", "e")}},
		{"control characters", `a = \t\n\r\f`, []Entry{p(1, "a", "\t\n\r\f")}},
		{"unicode", `a = \u00fc\u20AC`, []Entry{p(1, "a", "ü€")}},
		{"surrogates", `a = \ud83d\ude00`, []Entry{p(1, "a", "😀")}},
		{"latin 1", "a = \xfc", []Entry{p(1, "a", "ü")}},
		{"utf-8 is not understood", "a = ü", []Entry{p(1, "a", "Ã¼")}},
		{"continuation", "a = b,\\\n   c\nd=e", []Entry{p(1, "a", "b,c"), p(3, "d", "e")}},
		{"continuation of a key", "a\\\n  b = c", []Entry{p(1, "ab", "c")}},
		{"continuation is no comment", "a = b\\\n# c", []Entry{p(1, "a", "b# c")}},
		{"two backslashes do not continue", "a = b\\\\\nc = d", []Entry{p(1, "a", `b\`), p(2, "c", "d")}},
		{"continuation at the end", "a = b\\", []Entry{p(1, "a", "b")}},
		{"comments do not continue", "# a\\\nb = c", []Entry{p(2, "b", "c")}},
		{"line ends", "a=1\r\nb=2\rc=3\n", []Entry{p(1, "a", "1"), p(2, "b", "2"), p(3, "c", "3")}},
		{"repeated", "a=1\n\na=2", []Entry{p(1, "a", "1"), p(3, "a", "2")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := Parse([]byte(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" || len(problems) > 0 {
				t.Errorf("problems %v, (-want +got)\n%s", problems, diff)
			}
		})
	}
}

func TestParseRefusesBadEscapes(t *testing.T) {
	for _, in := range []string{`a = \u12`, `a = \uxyzw`, `\u = b`, `a = \u+123`} {
		t.Run(in, func(t *testing.T) {
			if _, problems := Parse([]byte("\n" + in)); len(problems) != 1 || problems[0].Line != 2 {
				t.Errorf("got %v, want one problem on line 2", problems)
			}
		})
	}
}

// Whatever the bytes, the parser ends, its lines grow and its texts are valid.
// A file written from plain entries reads back as them.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=b", "a\\\nb:c", `\u00fc=\\`, "#c\\\n!d\r\re f", "=", "\\", "a = \\ud83d\\ude00", "\xff\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _ := Parse(data)
		last := 0
		var written strings.Builder
		for _, e := range entries {
			if e.Line <= last || !utf8.ValidString(e.Key) || !utf8.ValidString(e.Value) {
				t.Fatalf("bad entry %+v after line %d", e, last)
			}
			last = e.Line
			written.WriteString(escapeProperty(e.Key) + "=" + escapeProperty(e.Value) + "\n")
		}
		again, problems := Parse([]byte(written.String()))
		if len(problems) > 0 || len(again) != len(entries) {
			t.Fatalf("%q reads back as %v, %v", written.String(), again, problems)
		}
		for i, e := range again {
			if e.Key != entries[i].Key || e.Value != entries[i].Value {
				t.Errorf("%+v reads back as %+v", entries[i], e)
			}
		}
	})
}

// escapeProperty writes every character that means something as an escape.
func escapeProperty(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\f':
			b.WriteString(`\f`)
		case r > 0xff:
			for _, unit := range utf16Units(r) {
				b.WriteString(`\u` + hex4(unit))
			}
		case r >= 0x80:
			b.WriteByte(byte(r))
		default:
			b.WriteString(`\` + map[bool]string{true: "u" + hex4(uint16(r)), false: string(r)}[strings.ContainsRune("tnrfu", r)])
		}
	}
	return b.String()
}

func utf16Units(r rune) []uint16 {
	if r < 0x10000 {
		return []uint16{uint16(r)}
	}
	r -= 0x10000
	return []uint16{uint16(0xd800 + r>>10), uint16(0xdc00 + r&0x3ff)}
}

func hex4(u uint16) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15]})
}
