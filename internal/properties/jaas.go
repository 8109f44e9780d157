package properties

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jaasEntry is the value of sasl.jaas.config: one login module with options.
type jaasEntry struct {
	module  string // class name
	options map[string]string
}

// parseJAAS reads `module required key="value" … ;`. The errors say where it
// breaks and never what stands there, for it could be a password.
func parseJAAS(s string) (jaasEntry, error) {
	p := jaasScanner{text: s}
	entry := jaasEntry{options: make(map[string]string)}
	var err error
	if entry.module, err = p.word("a login module class"); err != nil {
		return entry, err
	}
	flag, err := p.word("a control flag")
	if err != nil {
		return entry, err
	}
	switch strings.ToUpper(flag) {
	case "REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL":
	default:
		return entry, errors.New("want required, requisite, sufficient or optional after the login module class")
	}
	for {
		p.blanks()
		if p.take(';') {
			break
		}
		if err := p.option(entry.options); err != nil {
			return entry, err
		}
	}
	if p.blanks(); p.pos < len(p.text) {
		return entry, errors.New("want only one login module: there is text after the semicolon")
	}
	return entry, nil
}

type jaasScanner struct {
	text string
	pos  int
}

func (p *jaasScanner) option(options map[string]string) error {
	if p.pos >= len(p.text) {
		return errors.New("the entry does not end in a semicolon")
	}
	number := len(options) + 1
	key, err := p.word("an option")
	if err != nil {
		return fmt.Errorf("option %d: want key=\"value\"", number)
	}
	p.blanks()
	if !p.take('=') {
		return fmt.Errorf("option %d: want = after its name", number)
	}
	p.blanks()
	value, err := p.value()
	if err != nil {
		return fmt.Errorf("option %d: %w", number, err)
	}
	options[key] = value
	return nil
}

// blanks skips white space and the two kinds of comments.
func (p *jaasScanner) blanks() {
	for p.pos < len(p.text) {
		rest := p.text[p.pos:]
		switch {
		case strings.ContainsRune(" \t\r\n\f", rune(rest[0])):
			p.pos++
		case strings.HasPrefix(rest, "//"):
			p.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			p.pos += 2
			p.skipPast("*/")
		default:
			return
		}
	}
}

func (p *jaasScanner) skipPast(end string) {
	if i := strings.Index(p.text[p.pos:], end); i >= 0 {
		p.pos += i + len(end)
		return
	}
	p.pos = len(p.text)
}

func (p *jaasScanner) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// word reads a name, quoted or not.
func (p *jaasScanner) word(what string) (string, error) {
	p.blanks()
	word, err := p.value()
	if err != nil || word == "" {
		return "", fmt.Errorf("want %s", what)
	}
	return word, nil
}

func (p *jaasScanner) value() (string, error) {
	if p.pos < len(p.text) && (p.text[p.pos] == '"' || p.text[p.pos] == '\'') {
		return p.quoted()
	}
	n := strings.IndexAny(p.text[p.pos:], " \t\r\n\f=;\"'")
	if n < 0 {
		n = len(p.text) - p.pos
	}
	if n == 0 {
		return "", errors.New("want a value")
	}
	p.pos += n
	return p.text[p.pos-n : p.pos], nil
}

var jaasEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'a': '\a', 'v': '\v'}

// quoted follows java.io.StreamTokenizer: a backslash escapes what follows,
// by up to three octal digits where there are some; a line end ends the text
// in error.
func (p *jaasScanner) quoted() (string, error) {
	quote := p.text[p.pos]
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == quote:
			return b.String(), nil
		case c == '\n' || c == '\r':
			return "", errors.New("the quotes are not closed")
		case c == '\\' && p.pos < len(p.text):
			b.WriteRune(p.escape())
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("the quotes are not closed")
}

func (p *jaasScanner) escape() rune {
	c := p.text[p.pos]
	if c >= '0' && c <= '7' {
		limit := 2
		if c <= '3' {
			limit = 3
		}
		n := rune(0)
		for ; limit > 0 && p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '7'; limit-- {
			n = n*8 + rune(p.text[p.pos]-'0')
			p.pos++
		}
		return n
	}
	p.pos++
	if escaped, ok := jaasEscapes[c]; ok {
		return rune(escaped)
	}
	if c < 0x80 {
		return rune(c)
	}
	r, size := utf8.DecodeRuneInString(p.text[p.pos-1:])
	p.pos += size - 1
	return r
}
