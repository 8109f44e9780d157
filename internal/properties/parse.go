package properties

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Entry is one entry of a .properties file.
type Entry struct {
	Key, Value string
	Line       int // where the key begins, from 1
}

// Parse reads a file as java.util.Properties.load(InputStream) does:
// ISO-8859-1, comments only at the start of a line, a key ends at the first
// unescaped =, : or blank, backslash escapes are consumed, a trailing
// backslash continues the line. Entries come in the order of the file,
// repeated keys included (in Java the last one wins). The problems are escapes
// that make Java refuse the file.
func Parse(data []byte) (entries []Entry, problems []EscapeError) {
	for _, l := range logicalLines(data) {
		key, value := splitProperty(l.text)
		p := Entry{Line: l.line}
		var errs [2]error
		p.Key, errs[0] = unescape(key)
		p.Value, errs[1] = unescape(value)
		for _, err := range errs {
			if err != nil {
				problems = append(problems, EscapeError{Line: l.line, Err: err})
			}
		}
		entries = append(entries, p)
	}
	return entries, problems
}

// EscapeError is an escape that Java refuses.
type EscapeError struct {
	Line int // of the key, from 1
	Err  error
}

type logicalLine struct {
	text []byte
	line int // of its first natural line, from 1
}

// logicalLines joins continued lines, drops comments, blank lines and leading
// blanks.
func logicalLines(data []byte) []logicalLine {
	var lines []logicalLine
	var current *logicalLine
	for i, natural := range naturalLines(data) {
		natural = bytes.TrimLeft(natural, propertyBlanks)
		if current == nil {
			if len(natural) == 0 || natural[0] == '#' || natural[0] == '!' {
				continue
			}
			current = &logicalLine{line: i + 1}
		}
		continued := trailingBackslashes(natural)%2 == 1
		if continued {
			natural = natural[:len(natural)-1]
		}
		current.text = append(current.text, natural...)
		if !continued {
			lines = append(lines, *current)
			current = nil
		}
	}
	if current != nil {
		lines = append(lines, *current)
	}
	return lines
}

const propertyBlanks = " \t\f"

// naturalLines ends lines at \n, \r or \r\n.
func naturalLines(data []byte) [][]byte {
	var lines [][]byte
	for len(data) > 0 {
		end := bytes.IndexAny(data, "\r\n")
		if end < 0 {
			return append(lines, data)
		}
		lines = append(lines, data[:end])
		if data[end] == '\r' && end+1 < len(data) && data[end+1] == '\n' {
			end++
		}
		data = data[end+1:]
	}
	return lines
}

func trailingBackslashes(b []byte) int {
	return len(b) - len(bytes.TrimRight(b, `\`))
}

// splitProperty cuts at the first unescaped =, : or blank; blanks around one
// separator belong to neither side.
func splitProperty(line []byte) (key, value []byte) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=:"+propertyBlanks, rune(line[end])) {
		if line[end] == '\\' && end+1 < len(line) {
			end++
		}
		end++
	}
	key, value = line[:end], bytes.TrimLeft(line[end:], propertyBlanks)
	if len(value) > 0 && (value[0] == '=' || value[0] == ':') {
		value = bytes.TrimLeft(value[1:], propertyBlanks)
	}
	return key, value
}

// unescape decodes ISO-8859-1 with backslash escapes. A backslash before any
// other character is dropped, which is why regular expressions need two.
// Surrogate pairs written as two \u escapes become one character.
func unescape(b []byte) (string, error) {
	var out strings.Builder
	var high rune // the first half of a surrogate pair, still to be written
	write := func(r rune) {
		if joined := joinSurrogates(high, r); joined != 0 {
			out.WriteRune(joined)
			high = 0
			return
		}
		if high != 0 {
			out.WriteRune(high) // half a pair: U+FFFD
			high = 0
		}
		if r >= 0xd800 && r < 0xdc00 {
			high = r
			return
		}
		out.WriteRune(r)
	}
	var failed error
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			if b[i] != '\\' { // Java drops a last backslash
				write(rune(b[i]))
			}
			continue
		}
		i++
		switch b[i] {
		case 't':
			write('\t')
		case 'n':
			write('\n')
		case 'r':
			write('\r')
		case 'f':
			write('\f')
		case 'u':
			digits := b[i+1 : min(i+5, len(b))]
			n, err := strconv.ParseUint(string(digits), 16, 16)
			if err != nil || len(digits) < 4 {
				failed = fmt.Errorf(`\u wants four hexadecimal digits; write \\u for a backslash and a u`)
				continue
			}
			write(rune(n))
			i += 4
		default:
			write(rune(b[i]))
		}
	}
	if high != 0 {
		out.WriteRune(high)
	}
	return out.String(), failed
}

func joinSurrogates(high, low rune) rune {
	if high == 0 || low < 0xdc00 || low > 0xdfff {
		return 0
	}
	return (high-0xd800)<<10 | (low - 0xdc00) + 0x10000
}
