package config

import (
	"os"
	"slices"
	"strings"

	"mm2/topology"
)

// TOMLLines is tomlLines with paths as "a.b[0]".
func TOMLLines(document string) map[string]int {
	readable := make(map[string]int)
	for path, line := range tomlLines(document) {
		readable[readablePath(path)] = line
	}
	return readable
}

func readablePath(path tomlPath) string {
	var b strings.Builder
	for i, part := range strings.FieldsFunc(strings.ReplaceAll(string(path), "\x01", "\x00\x01"), func(r rune) bool { return r == 0 }) {
		switch {
		case strings.HasPrefix(part, "\x01"):
			b.WriteString("[" + part[1:] + "]")
		case i > 0:
			b.WriteString("." + part)
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}

// SaidButNotExplained are the settings of flows that the file has and Explain
// does not.
func SaidButNotExplained(path string, opts ...Option) ([]string, error) {
	s := &source{file: path, lookup: os.LookupEnv, readFile: os.ReadFile}
	for _, opt := range opts {
		opt(s)
	}
	if _, err := s.load(); err != nil {
		return nil, err
	}
	var missing []string
	for _, d := range s.drafts {
		explained := flowSettings(d, s.drafts)
		for key := range d.origin {
			shape := slices.ContainsFunc(topology.Kinds(), func(k topology.Kind) bool { return slices.Contains(k.Fields(), key) })
			if key != "kind" && !shape && !slices.ContainsFunc(explained, func(e setting) bool { return e.key == key }) {
				missing = append(missing, key)
			}
		}
	}
	return missing, nil
}
