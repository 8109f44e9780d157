package settings

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"mm2/internal/properties"
)

// setting is a value with where it stands.
type setting struct {
	text string // without blanks around it, which Java drops, too; placeholders resolved
	raw  string // as written
	key  string // as written
	line int    // 0: in no file
}

// reader collects problems while it reads.
type reader struct {
	file   string
	values map[string]setting // by name; old names are mapped

	problems, warnings []properties.Problem
}

func (r *reader) problem(v setting, rule, suggestion string) {
	r.problems = append(r.problems, r.say(v, rule, suggestion))
}

func (r *reader) warn(v setting, rule, suggestion string) {
	r.warnings = append(r.warnings, r.say(v, rule, suggestion))
}

func (r *reader) say(v setting, rule, suggestion string) properties.Problem {
	p := properties.Problem{File: r.file, Line: v.line, Key: v.key, Value: v.raw, Rule: rule, Suggestion: suggestion}
	if properties.HoldsSecret(v.key) {
		p.Value = ""
	}
	return p
}

// from reads settings of one map by name. What is missing or wrong leaves its
// target as it is; what is wrong is reported.
type from struct {
	*reader
	values map[string]setting
}

func (r *reader) all() from { return from{r, r.values} }

func (f from) int(name string, lo, hi int64, target func(int64)) {
	v, ok := f.values[name]
	if !ok {
		return
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < lo || n > hi {
		f.problem(v, properties.WholeNumber(lo, hi), "")
		return
	}
	target(n)
}

func (f from) number(name string, lo, hi int64, target *int) {
	f.int(name, lo, min(hi, math.MaxInt), func(n int64) { *target = int(n) })
}

func (f from) bytes(name string, lo int64, target *int32) {
	f.int(name, lo, math.MaxInt32, func(n int64) { *target = int32(n) })
}

// maxMillis is what time.Duration can hold: 292 years.
const maxMillis = math.MaxInt64 / int64(time.Millisecond)

// millis has bounds in milliseconds. Java has no upper one, and people write
// its largest number for "never".
func (f from) millis(name string, lo int64, target *time.Duration) {
	f.int(name, lo, math.MaxInt64, func(n int64) { *target = time.Duration(min(n, maxMillis)) * time.Millisecond })
}

// shortMillis is millis for what goes to brokers as 32 bits.
func (f from) shortMillis(name string, lo int64, target *time.Duration) {
	f.int(name, lo, math.MaxInt32, func(n int64) { *target = time.Duration(n) * time.Millisecond })
}

func (f from) bool(name string, target *bool) {
	v, ok := f.values[name]
	if !ok {
		return
	}
	b, valid := properties.Bool(v.text)
	if !valid {
		f.problem(v, "want true or false", "")
		return
	}
	*target = b
}

func choice[T ~string](f from, name string, target *T, options ...T) {
	v, ok := f.values[name]
	if !ok {
		return
	}
	if !slices.Contains(options, T(v.text)) {
		names := make([]string, len(options))
		for i, o := range options {
			names[i] = string(o)
		}
		f.problem(v, properties.OneOf(names), properties.DidYouMean(v.text, names))
		return
	}
	*target = T(v.text)
}

// class maps a Java class, with its package or without, to what stands for it.
func class[T any](f from, name, javaPackage string, target *T, instead string, known map[string]T) {
	v, ok := f.values[name]
	if !ok {
		return
	}
	value, ok := known[strings.TrimPrefix(v.text, javaPackage+".")]
	if !ok {
		names := make([]string, 0, len(known))
		for n := range known {
			names = append(names, javaPackage+"."+n)
		}
		slices.Sort(names)
		f.problem(v, "mm2 runs no Java code: "+properties.OneOf(names), instead)
		return
	}
	*target = value
}
