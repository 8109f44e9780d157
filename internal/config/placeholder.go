package config

import (
	"fmt"
	"regexp"
	"strings"

	"mm2/internal/properties"
)

var placeholder = regexp.MustCompile(`\$\{(env|file):([^}]*)\}`)

// expand replaces ${env:NAME}, ${file:PATH} (the whole file without its last
// line end) and ${file:PATH:KEY} (a key of a properties file, as Java's
// FileConfigProvider reads it). The error names the placeholder and never
// what others stand for.
func (s *source) expand(text string) (string, error) {
	var failed error
	expanded := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		m := placeholder.FindStringSubmatch(p)
		value, err := s.placeholderValue(m[1], m[2])
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s %w", p, err)
		}
		return value
	})
	return expanded, failed
}

func (s *source) placeholderValue(kind, argument string) (string, error) {
	if kind == "env" {
		value, ok := s.lookup(argument)
		if !ok {
			return "", fmt.Errorf("is not set in the environment")
		}
		return value, nil
	}
	path, key, keyed := strings.Cut(argument, ":")
	data, err := s.readFile(path)
	if err != nil {
		return "", properties.Readable(err)
	}
	if !keyed {
		return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
	}
	entries, _ := properties.Parse(data)
	value, found := "", false
	for _, e := range entries {
		if e.Key == key {
			value, found = e.Value, true // the last one wins
		}
	}
	if !found {
		return "", fmt.Errorf("names a key that the file does not have")
	}
	return value, nil
}
