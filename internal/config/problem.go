package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String is the problem in one line that stands alone:
// file:line: key = value: rule; suggestion.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
		if p.Value != "" {
			b.WriteString(" = " + p.Value)
		}
	}
	b.WriteString(": " + p.Rule)
	if p.Suggestion != "" {
		b.WriteString("; " + p.Suggestion)
	}
	return b.String()
}

// Error is what [Load] returns for a bad file: everything that is wrong with
// it, in the order of its lines.
type Error struct {
	Problems []Problem // at least one
}

// Error prints one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// place is where the file says something, and in which words.
type place struct {
	line  int
	key   string // as a person would write it
	value string // as written, placeholders unresolved; never a secret
}

// source is what is known about a file while it is read, whatever its format.
type source struct {
	file     string
	lookup   func(name string) (string, bool)
	readFile func(path string) ([]byte, error)

	problems, warnings []Problem

	drafts []*draft // once the file is read: what the flows were made of
}

func (s *source) problem(at place, rule, suggestion string) {
	s.problems = append(s.problems, s.say(at, rule, suggestion))
}

func (s *source) warn(at place, rule, suggestion string) {
	s.warnings = append(s.warnings, s.say(at, rule, suggestion))
}

func (s *source) say(at place, rule, suggestion string) Problem {
	return Problem{File: s.file, Line: at.line, Key: at.key, Value: at.value, Rule: rule, Suggestion: suggestion}
}

// tidy sorts by line and drops repetitions: a setting that counts for several
// flows is read once for each.
func tidy(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	seen := make(map[Problem]bool, len(problems))
	return slices.DeleteFunc(problems, func(p Problem) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}
