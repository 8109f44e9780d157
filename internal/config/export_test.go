package config

import "strings"

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
