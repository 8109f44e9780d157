package topology

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// translated is a Java pattern in the syntax that Go's two engines share.
type translated struct {
	expr         string
	backtracking bool // needs look-around, atomic groups or back-references
}

// translate rewrites a pattern of java.util.regex so that Go's engines give it
// the same meaning, or says why not. It exists because some patterns mean
// different things without an error on either side: "[a-z&&[^b]]" is an
// intersection in Java and a class followed by "]" in Go, `\12` is a
// back-reference there and an octal character here, and "a{1" is an error
// there and literal here.
func translate(pattern string) (translated, error) {
	t := translator{in: []rune(pattern), atom: -1}
	if pattern == "" {
		return translated{}, errors.New("an empty pattern matches no name")
	}
	for t.pos < len(t.in) {
		if err := t.next(); err != nil {
			return translated{}, err
		}
	}
	if len(t.groups) > 0 {
		return translated{}, errors.New(`"(" is never closed`)
	}
	return translated{expr: string(t.out), backtracking: t.backtracking}, nil
}

type translator struct {
	in           []rune
	pos          int
	out          []byte
	atom         int   // where in out the item begins that a quantifier would repeat; -1: none
	groups       []int // where in out the open groups begin
	backtracking bool
}

func (t *translator) rest() string { return string(t.in[t.pos:]) }

// item appends what a quantifier may repeat.
func (t *translator) item(s string) {
	t.atom = len(t.out)
	t.out = append(t.out, s...)
}

func (t *translator) next() error {
	c := t.in[t.pos]
	t.pos++
	switch c {
	case '\\':
		return t.escape(false)
	case '[':
		return t.class()
	case '(':
		return t.open()
	case ')':
		return t.close()
	case '|':
		t.out = append(t.out, '|')
		t.atom = -1
	case '*', '+', '?', '{':
		return t.quantifier(c)
	case '.', '^', '$':
		t.item(string(c))
	default:
		t.item(literalRune(c))
	}
	return nil
}

func (t *translator) open() error {
	rest := t.rest()
	start := len(t.out)
	switch {
	case !strings.HasPrefix(rest, "?"):
		t.out = append(t.out, '(')
	case hasAnyPrefix(rest, "?=", "?!", "?>"):
		t.copyGroup(2)
		t.backtracking = true
	case hasAnyPrefix(rest, "?<=", "?<!"):
		t.copyGroup(3)
		t.backtracking = true
	case hasAnyPrefix(rest, "?:", "?<"):
		t.copyGroup(2)
	default:
		opened, err := t.flags(rest[1:])
		if err != nil || !opened {
			return err
		}
	}
	t.groups = append(t.groups, start)
	t.atom = -1
	return nil
}

// copyGroup copies "(" and the next n characters, which say what the group is.
func (t *translator) copyGroup(n int) {
	t.out = append(t.out, '(')
	t.out = append(t.out, string(t.in[t.pos:t.pos+n])...)
	t.pos += n
	if strings.HasSuffix(string(t.out), "(?<") { // a name, up to ">"
		t.out = append(t.out, t.until('>')...)
	}
}

// until takes everything up to and including end.
func (t *translator) until(end rune) string {
	start := t.pos
	for t.pos < len(t.in) {
		t.pos++
		if t.in[t.pos-1] == end {
			break
		}
	}
	return string(t.in[start:t.pos])
}

// flags reads "i)" or "i-s:" after "(?". It reports whether a group was opened.
func (t *translator) flags(rest string) (opened bool, err error) {
	end := strings.IndexAny(rest, ":)")
	if end < 0 || strings.Trim(rest[:end], "idmsuxU-") != "" || strings.Count(rest[:end], "-") > 1 {
		return false, fmt.Errorf("%q opens no group that Java knows", "(?"+firstRune(rest))
	}
	if strings.Contains(rest[:end], "x") {
		return false, errors.New("the flag (?x) for comments is not supported: remove it and the blanks")
	}
	t.pos += 1 + end + 1
	// Unix lines and Unicode case make no difference to names of topics and
	// groups; the letter U means something else in Go.
	kept := strings.NewReplacer("d", "", "u", "", "U", "").Replace(rest[:end])
	kept = strings.TrimSuffix(kept, "-")
	if opened = rest[end] == ':'; opened {
		t.out = append(t.out, "(?"+kept+":"...)
	} else if kept != "" {
		t.out = append(t.out, "(?"+kept+")"...)
	}
	return opened, nil
}

func (t *translator) close() error {
	if len(t.groups) == 0 {
		return errors.New(`")" closes nothing`)
	}
	t.atom = t.groups[len(t.groups)-1]
	t.groups = t.groups[:len(t.groups)-1]
	t.out = append(t.out, ')')
	return nil
}

var repetition = regexp.MustCompile(`^\{([0-9]+)(,([0-9]*))?\}`)

func (t *translator) quantifier(c rune) error {
	q := string(c)
	if c == '{' {
		q = repetition.FindString("{" + t.rest())
		if q == "" {
			return errors.New(`"{" begins no repetition such as {2} or {2,3} (in a properties file a comma ends the pattern); write \{ for the character`)
		}
		t.pos += len(q) - 1
		if m := repetition.FindStringSubmatch(q); m[3] != "" && number(m[1]) > number(m[3]) {
			return fmt.Errorf("%s repeats more at least than at most", q)
		}
	}
	if t.atom < 0 {
		return fmt.Errorf("%q repeats nothing; any name is .*, not *", q)
	}
	possessive := t.pos < len(t.in) && t.in[t.pos] == '+'
	lazy := t.pos < len(t.in) && t.in[t.pos] == '?'
	if possessive || lazy {
		t.pos++
	}
	switch {
	case possessive: // a++ is (?>a+) where there are no possessive quantifiers
		repeated := "(?>" + string(t.out[t.atom:]) + q + ")"
		t.out = append(t.out[:t.atom], repeated...)
		t.backtracking = true
	case lazy:
		t.out = append(t.out, q+"?"...)
	default:
		t.out = append(t.out, q...)
	}
	t.atom = -1
	return nil
}

func number(digits string) uint64 {
	n, _ := strconv.ParseUint(digits, 10, 64) // what is out of range is the largest number
	return n
}

// class reads what follows "[".
func (t *translator) class() error {
	t.item("[")
	if strings.HasPrefix(t.rest(), "^") {
		t.out = append(t.out, '^')
		t.pos++
	}
	for first := true; t.pos < len(t.in); first = false {
		c := t.in[t.pos]
		t.pos++
		switch {
		case c == ']' && !first:
			t.out = append(t.out, ']')
			return nil
		case c == '[':
			return errors.New(`a class inside a class ("[a[b]]") is not supported; write \[ for the character`)
		case c == '&' && strings.HasPrefix(t.rest(), "&"):
			return errors.New(`an intersection of classes ("&&") is not supported; list the characters`)
		case c == '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case c == '-', c == '^':
			t.out = append(t.out, byte(c))
		default:
			t.out = append(t.out, literalRune(c)...)
		}
	}
	return errors.New(`"[" is never closed`)
}

// escape reads what follows a backslash, in a class or outside.
func (t *translator) escape(inClass bool) error {
	if t.pos >= len(t.in) {
		return errors.New(`ends in a backslash (in a properties file write \\)`)
	}
	c := t.in[t.pos]
	t.pos++
	emit := t.item
	if inClass {
		emit = func(s string) { t.out = append(t.out, s...) }
	}
	switch {
	case strings.ContainsRune("dDwWsS", c), strings.ContainsRune("tnrfa", c):
		emit(`\` + string(c))
	case !inClass && strings.ContainsRune("bBAz", c):
		emit(`\` + string(c))
	case !inClass && strings.ContainsRune("123456789GZ", c):
		t.backtracking = true
		emit(`\` + string(c))
	case !inClass && c == 'k':
		t.backtracking = true
		emit(`\k` + t.until('>'))
	case c == 'Q':
		t.literal(emit)
	case c == 'p' || c == 'P':
		return t.property(c == 'P', inClass, emit)
	case c == 'x' || c == 'u' || c == '0' || c == 'e' || c == 'c':
		return t.character(c, emit)
	case isAlphanumeric(c):
		return fmt.Errorf(`the escape \%c is not supported here`, c)
	default:
		emit(literalRune(c))
	}
	return nil
}

// literalRune is a pattern for one character, in a class or outside.
func literalRune(c rune) string {
	if c > ' ' && c < 0x7f && !isAlphanumeric(c) {
		return `\` + string(c)
	}
	return string(c)
}

func isAlphanumeric(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// literal copies everything up to \E.
func (t *translator) literal(emit func(string)) {
	text, _, closed := strings.Cut(t.rest(), `\E`)
	t.pos += len([]rune(text))
	if closed {
		t.pos += 2
	}
	for _, c := range text {
		emit(literalRune(c))
	}
}

var characterEscapes = map[rune]*regexp.Regexp{
	'x': regexp.MustCompile(`^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})`),
	'u': regexp.MustCompile(`^([0-9a-fA-F]{4})`),
	'0': regexp.MustCompile(`^([0-3][0-7]{2}|[0-7]{1,2})`),
}

// character reads an escape that stands for one character by its number.
func (t *translator) character(kind rune, emit func(string)) error {
	var value rune
	switch kind {
	case 'e':
		value = 0x1b
	case 'c':
		if t.pos >= len(t.in) {
			return errors.New(`\c needs a character`)
		}
		value = t.in[t.pos] ^ 64
		t.pos++
	default:
		m := characterEscapes[kind].FindStringSubmatch(t.rest())
		if m == nil {
			return fmt.Errorf(`\%c needs the number of a character`, kind)
		}
		t.pos += len(m[0])
		base := 16
		if kind == '0' {
			base = 8
		}
		n, err := strconv.ParseUint(strings.Join(m[1:], ""), base, 21)
		if err != nil || n > 0x10ffff {
			return fmt.Errorf(`\%c%s is no character`, kind, m[0])
		}
		value = rune(n)
	}
	emit(literalRune(value))
	return nil
}

// properties are the ASCII classes that Java names \p{Name}, as the inside of
// a character class.
var properties = map[string]string{
	"Lower": `a-z`, "Upper": `A-Z`, "Alpha": `a-zA-Z`, "Digit": `0-9`, "Alnum": `a-zA-Z0-9`,
	"ASCII": `\x00-\x7f`, "Punct": "!-/:-@\\[-`{-~", "Graph": `!-~`, "Print": ` -~`,
	"Blank": ` \t`, "Cntrl": `\x00-\x1f\x7f`, "XDigit": `0-9a-fA-F`, "Space": ` \t\n\x0b\f\r`,
	"javaLowerCase": `\p{Ll}`, "javaUpperCase": `\p{Lu}`, "IsAlphabetic": `\p{L}`, "IsDigit": `\p{Nd}`,
	"IsLetter": `\p{L}`, "IsLowercase": `\p{Ll}`, "IsUppercase": `\p{Lu}`,
}

func (t *translator) property(negated, inClass bool, emit func(string)) error {
	name := firstRune(t.rest())
	length := len(name)
	if strings.HasPrefix(name, "{") {
		inner, _, closed := strings.Cut(t.rest()[1:], "}")
		if !closed {
			return errors.New(`\p{ is never closed`)
		}
		name, length = inner, len([]rune(inner))+2
	}
	t.pos += length
	inside, known := properties[name]
	if !known {
		inside = `\p{` + strings.TrimPrefix(name, "Is") + `}`
		if _, err := syntax.Parse(inside, syntax.Perl); err != nil {
			return fmt.Errorf(`the class \p{%s} is not supported`, name)
		}
	}
	switch {
	case !negated && inClass:
		emit(inside)
	case !negated:
		emit("[" + inside + "]")
	case inClass:
		return fmt.Errorf(`\P{%s} inside a class is not supported`, name)
	default:
		emit("[^" + inside + "]")
	}
	return nil
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
