package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/internal/properties"
)

// tomlTable reads the keys of one table strictly: every key that is asked for
// counts as known, finish reports the others.
type tomlTable struct {
	*source
	lines  map[tomlPath]int
	path   tomlPath
	name   string // as a person would write it
	values map[string]any
	known  []string
}

// item is a text with its place.
type item struct {
	text   string
	at     place
	hidden bool // comes from a placeholder: the text must not show
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func dotted(parent, key string) string {
	if !bareKey.MatchString(key) {
		key = strconv.Quote(key)
	}
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// line is where path begins, or what it is part of.
func (t *tomlTable) line(path tomlPath) int {
	for {
		if line, ok := t.lines[path]; ok {
			return line
		}
		end := strings.LastIndexAny(string(path), "\x00\x01")
		if end < 0 {
			return 0
		}
		path = path[:end]
	}
}

// here is the place of the table itself.
func (t *tomlTable) here() place { return place{line: t.line(t.path), key: t.name} }

func (t *tomlTable) place(key string) place {
	return place{line: t.line(t.path.key(key)), key: dotted(t.name, key), value: show(t.values[key])}
}

// show prints a value as TOML would, shortened.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strconv.Quote(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = show(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any, []map[string]any:
		return "{…}" // may hold secrets
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

func (t *tomlTable) has(key string) bool {
	_, ok := t.values[key]
	return ok
}

func (t *tomlTable) get(key string) (any, bool) {
	t.known = append(t.known, key)
	v, ok := t.values[key]
	return v, ok
}

func (t *tomlTable) wrong(key, rule string) { t.problem(t.place(key), rule, "") }

// text reads a string and resolves its placeholders.
func (t *tomlTable) text(key string) (string, bool) {
	v, ok := t.get(key)
	if !ok {
		return "", false
	}
	s, isString := v.(string)
	if !isString {
		t.wrong(key, `want text in quotes`)
		return "", false
	}
	expanded, err := t.expand(s)
	if err != nil {
		t.wrong(key, err.Error())
		return "", false
	}
	return expanded, true
}

// secret is text whose value never shows. Of a value that names a placeholder
// the placeholder may show.
func (t *tomlTable) secret(key string) (connection.Secret, bool) {
	v, ok := t.get(key)
	if !ok {
		return "", false
	}
	at := t.place(key)
	at.value = ""
	s, isString := v.(string)
	if !isString {
		t.problem(at, "want text in quotes", "")
		return "", false
	}
	expanded, err := t.expand(s)
	if err != nil {
		t.problem(at, err.Error(), "")
		return "", false
	}
	return connection.Secret(expanded), true
}

func (t *tomlTable) integer(key string, lo, hi int64) (int64, bool) {
	v, ok := t.get(key)
	if !ok {
		return 0, false
	}
	n, isInt := v.(int64)
	if !isInt || n < lo || n > hi {
		t.wrong(key, properties.WholeNumber(lo, hi))
		return 0, false
	}
	return n, true
}

func (t *tomlTable) boolean(key string) (value, ok bool) {
	v, ok := t.get(key)
	if !ok {
		return false, false
	}
	b, isBool := v.(bool)
	if !isBool {
		t.wrong(key, "want true or false, without quotes")
	}
	return b, isBool
}

func (t *tomlTable) duration(key string, lo, hi time.Duration) (time.Duration, bool) {
	if !t.has(key) {
		t.known = append(t.known, key)
		return 0, false
	}
	if _, isString := t.values[key].(string); !isString {
		t.known = append(t.known, key)
		t.wrong(key, `want a duration such as "500ms", "5s" or "2m"`)
		return 0, false
	}
	s, ok := t.text(key)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.wrong(key, `want a duration such as "500ms", "5s" or "2m"`)
		return 0, false
	}
	if err := checkDuration(d, lo, hi); err != nil {
		t.wrong(key, err.Error())
		return 0, false
	}
	return d, true
}

// size reads a number of bytes: a whole number, or text with a unit.
func (t *tomlTable) size(key string, lo, hi int64) (int64, bool) {
	return t.quantity(key, lo, hi, parseSize, formatSize)
}

func (t *tomlTable) quantity(key string, lo, hi int64, parse func(string) (int64, error), format func(int64) string) (int64, bool) {
	v, ok := t.get(key)
	if !ok {
		return 0, false
	}
	n, isInt := v.(int64)
	if !isInt {
		s, _ := v.(string)
		var err error
		if n, err = parse(s); err != nil {
			t.wrong(key, err.Error())
			return 0, false
		}
	}
	if n < lo || n > hi {
		t.wrong(key, fmt.Sprintf("want %s to %s", format(lo), format(hi)))
		return 0, false
	}
	return n, true
}

// choice reads one of the options, which must be written exactly.
func (t *tomlTable) choice(key string, options ...string) (string, bool) {
	s, ok := t.text(key)
	if !ok {
		return "", false
	}
	if !slices.Contains(options, s) {
		t.problem(t.place(key), properties.OneOf(options), properties.DidYouMean(s, options))
		return "", false
	}
	return s, true
}

// choices reads a list of options, each at most once, and returns them in the
// order of options. The list may be empty.
func (t *tomlTable) choices(key string, options ...string) ([]string, bool) {
	list, ok := t.texts(key)
	if !ok {
		return nil, false
	}
	var chosen []string
	for _, it := range list {
		switch {
		case !slices.Contains(options, it.text):
			t.problem(it.at, properties.OneOf(options), properties.DidYouMean(it.text, options))
		case slices.Contains(chosen, it.text):
			t.problem(it.at, "is listed twice", "")
		default:
			chosen = append(chosen, it.text)
		}
	}
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool { return !slices.Contains(chosen, o) }), true
}

// texts reads a list of strings as they are: placeholders are resolved by
// those who want them, since "${" can be part of a pattern.
func (t *tomlTable) texts(key string) ([]item, bool) {
	v, ok := t.get(key)
	if !ok {
		return nil, false
	}
	const rule = `want a list of texts in quotes, for example ["a", "b"]`
	list, isList := v.([]any)
	if !isList {
		t.wrong(key, rule)
		return nil, false
	}
	items := make([]item, 0, len(list))
	for i, v := range list {
		at := place{line: t.line(t.path.key(key).element(i)), key: dotted(t.name, key), value: show(v)}
		s, isString := v.(string)
		if !isString {
			t.problem(at, rule, "")
			continue
		}
		items = append(items, item{text: s, at: at})
	}
	return items, true
}

// table reads a table below this one; nil if there is none.
func (t *tomlTable) table(key string) *tomlTable {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	values, isTable := v.(map[string]any)
	if !isTable {
		at := t.place(key)
		at.value = "" // whatever it is, it may be a secret in the wrong place
		t.problem(at, "want a table: ["+dotted(t.name, key)+"] or "+key+" = { … }", "")
		return nil
	}
	return t.child(t.path.key(key), dotted(t.name, key), values)
}

func (t *tomlTable) child(path tomlPath, name string, values map[string]any) *tomlTable {
	return &tomlTable{source: t.source, lines: t.lines, path: path, name: name, values: values}
}

// tablesByName reads a table whose keys are names: [clusters.X].
func (t *tomlTable) tablesByName(key string) []*tomlTable {
	parent := t.table(key)
	if parent == nil {
		return nil
	}
	names := make([]string, 0, len(parent.values))
	for name := range parent.values {
		names = append(names, name)
	}
	slices.Sort(names)
	var tables []*tomlTable
	for _, name := range names {
		if child := parent.table(name); child != nil {
			tables = append(tables, child)
		}
	}
	return tables
}

// tableArray reads [[key]].
func (t *tomlTable) tableArray(key string) []*tomlTable {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	list, isList := v.([]map[string]any)
	if !isList {
		t.wrong(key, "want one or more [["+dotted(t.name, key)+"]]")
		return nil
	}
	tables := make([]*tomlTable, len(list))
	for i, values := range list {
		tables[i] = t.child(t.path.key(key).element(i), dotted(t.name, key), values)
	}
	return tables
}

// finish reports the keys that nobody asked for.
func (t *tomlTable) finish(suggest func(key string) string) {
	for key := range t.values {
		if slices.Contains(t.known, key) {
			continue
		}
		suggestion := properties.DidYouMean(key, t.known)
		if suggest != nil {
			if s := suggest(key); s != "" {
				suggestion = s
			}
		}
		at := t.place(key)
		at.value = ""
		t.problem(at, "unknown key", suggestion)
	}
}

// lastPart is the unquoted name of the table.
func (t *tomlTable) lastPart() string {
	return string(t.path[strings.LastIndexByte(string(t.path), 0)+1:])
}
