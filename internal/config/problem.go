package config

import "mm2/internal/properties"

// Error is what [Load] returns for a bad file: everything that is wrong with
// it, in the order of its lines.
type Error = properties.Error

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
