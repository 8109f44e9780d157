package config

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// tomlPath names a value in a document: keys and element numbers from the root.
type tomlPath string

func (p tomlPath) key(name string) tomlPath { return p + "\x00" + tomlPath(name) }
func (p tomlPath) element(i int) tomlPath   { return p + "\x01" + tomlPath(strconv.Itoa(i)) }

// tomlLines says on which line each key, table and array element of a document
// begins. The library gives positions only for errors of syntax.
//
// The scanner expects a document that the library accepts; of any other it
// makes what it can, without failing.
func tomlLines(document string) map[tomlPath]int {
	s := tomlScanner{text: document, line: 1, lines: make(map[tomlPath]int), tables: make(map[tomlPath]int)}
	s.document()
	return s.lines
}

type tomlScanner struct {
	text   string
	pos    int
	line   int
	lines  map[tomlPath]int
	tables map[tomlPath]int // elements so far of each array of tables
}

func (s *tomlScanner) record(p tomlPath) {
	if _, known := s.lines[p]; !known {
		s.lines[p] = s.line
	}
}

func (s *tomlScanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *tomlScanner) done() bool { return s.pos >= len(s.text) }

// advance moves on by n bytes and counts lines.
func (s *tomlScanner) advance(n int) {
	end := min(s.pos+n, len(s.text))
	s.line += strings.Count(s.text[s.pos:end], "\n")
	s.pos = end
}

// blanks skips blanks, line ends and comments.
func (s *tomlScanner) blanks() {
	for !s.done() {
		switch c := s.peek(); {
		case c == '#':
			s.restOfLine()
		case c == ' ', c == '\t', c == '\r', c == '\n':
			s.advance(1)
		default:
			return
		}
	}
}

func (s *tomlScanner) restOfLine() {
	if n := strings.IndexByte(s.text[s.pos:], '\n'); n >= 0 {
		s.advance(n)
		return
	}
	s.pos = len(s.text)
}

func (s *tomlScanner) document() {
	table := tomlPath("")
	for s.blanks(); !s.done(); s.blanks() {
		before := s.pos
		if s.peek() == '[' {
			table = s.header()
		} else {
			s.entry(table)
		}
		if s.pos == before {
			s.advance(1)
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the path of the table it opens.
func (s *tomlScanner) header() tomlPath {
	array := strings.HasPrefix(s.text[s.pos:], "[[")
	s.advance(1)
	if array {
		s.advance(1)
	}
	keys := s.keys("]")
	path := tomlPath("")
	for i, k := range keys {
		path = path.key(k)
		s.record(path)
		n, isArray := s.tables[path]
		switch {
		case array && i == len(keys)-1:
			s.tables[path] = n + 1
			path = path.element(n)
			s.record(path)
		case isArray:
			path = path.element(n - 1)
		}
	}
	s.restOfLine()
	return path
}

// entry reads key = value in the given table.
func (s *tomlScanner) entry(table tomlPath) {
	path := table
	for _, k := range s.keys("=") {
		path = path.key(k)
		s.record(path)
	}
	s.blanks()
	s.value(path)
}

// keys reads a dotted key up to and including the end character.
func (s *tomlScanner) keys(end string) []string {
	var keys []string
	for !s.done() {
		switch c := s.peek(); {
		case strings.HasPrefix(s.text[s.pos:], end):
			s.advance(len(end))
			return keys
		case c == '\n':
			return keys
		case c == '"' || c == '\'':
			keys = append(keys, unquoteKey(s.quoted()))
		case c == ' ' || c == '\t' || c == '.':
			s.advance(1)
		default:
			n := max(strings.IndexAny(s.text[s.pos:], " \t\r\n.\"'"+end), 1)
			keys = append(keys, s.text[s.pos:s.pos+n])
			s.advance(n)
		}
	}
	return keys
}

// quoted reads a string of any of the four kinds, with its quotes.
func (s *tomlScanner) quoted() string {
	start := s.pos
	quote := s.text[s.pos : s.pos+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(s.text[s.pos:], long) {
		quote = long
	}
	s.advance(len(quote))
	for !s.done() {
		switch {
		case quote[0] == '"' && s.peek() == '\\':
			s.advance(2)
		case strings.HasPrefix(s.text[s.pos:], quote):
			s.advance(len(quote))
			if len(quote) == 3 { // up to two quotes may belong to the text
				for extra := 0; extra < 2 && s.peek() == quote[0]; extra++ {
					s.advance(1)
				}
			}
			return s.text[start:s.pos]
		case len(quote) == 1 && s.peek() == '\n':
			return s.text[start:s.pos]
		default:
			s.advance(1)
		}
	}
	return s.text[start:s.pos]
}

// unquoteKey lets the library decode the escapes of a quoted key.
func unquoteKey(quoted string) string {
	var decoded struct{ K string }
	if _, err := toml.Decode("K = "+quoted, &decoded); err != nil {
		return strings.Trim(quoted, `"'`)
	}
	return decoded.K
}

// value reads a value and records what is inside.
func (s *tomlScanner) value(path tomlPath) {
	s.record(path)
	switch s.peek() {
	case '[':
		s.advance(1)
		for i := 0; s.more(']'); i++ {
			s.value(path.element(i))
		}
	case '{':
		s.advance(1)
		for s.more('}') {
			s.entry(path)
		}
	case '"', '\'':
		s.quoted()
	default:
		n := strings.IndexAny(s.text[s.pos:], ",]}#\n")
		if n < 0 {
			n = len(s.text) - s.pos
		}
		s.advance(n)
	}
}

// more skips blanks and commas and reports whether another element follows
// before the end character, which it consumes.
func (s *tomlScanner) more(end byte) bool {
	for s.blanks(); s.peek() == ','; s.blanks() {
		s.advance(1)
	}
	if s.done() {
		return false
	}
	switch s.peek() {
	case end:
		s.advance(1)
		return false
	case ']', '}': // the wrong one: let the caller go on outside
		return false
	}
	return true
}
