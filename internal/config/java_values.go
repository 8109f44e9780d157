package config

import (
	"slices"
	"strconv"
	"time"

	"mm2/internal/properties"
)

// place is where the value stands. The value of a key that may hold a secret
// does not show.
func (v javaValue) place() place {
	at := place{line: v.line, key: v.key, value: v.raw}
	if properties.HoldsSecret(v.key) {
		at.value = ""
	}
	return at
}

// checkType says what is wrong with a text for a type of ConfigDef.
func checkType(typ valueType, text string) string {
	switch typ {
	case typeBool:
		if _, ok := properties.Bool(text); !ok {
			return "want true or false"
		}
	case typeInt:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return "want a whole number"
		}
	case typeList:
		if slices.Contains(properties.List(text), "") {
			return "a list cannot have an empty element (Kafka refuses it since 4.2)"
		}
	case typeString, typeClass:
	}
	return ""
}

// The readers below return the given default for a key that is not there or
// is wrong; what is wrong is reported.

func (s *source) javaBool(c javaConfig, key string, otherwise bool) bool {
	v, ok := c[key]
	if !ok {
		return otherwise
	}
	b, valid := properties.Bool(v.text)
	if !valid {
		s.problem(v.place(), "want true or false", "")
		return otherwise
	}
	return b
}

func (s *source) javaInt(c javaConfig, key string, lo, hi, otherwise int64) int64 {
	v, ok := c[key]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < lo || n > hi {
		s.problem(v.place(), properties.WholeNumber(lo, hi), "")
		return otherwise
	}
	return n
}

func (s *source) javaMillis(c javaConfig, key string, lo, hi, otherwise time.Duration) time.Duration {
	return time.Duration(s.javaInt(c, key, lo.Milliseconds(), hi.Milliseconds(), otherwise.Milliseconds())) * time.Millisecond
}

func (s *source) javaChoice(c javaConfig, key string, options ...string) (string, bool) {
	v, ok := c[key]
	if !ok {
		return "", false
	}
	if !slices.Contains(options, v.text) {
		s.problem(v.place(), properties.OneOf(options), properties.DidYouMean(v.text, options))
		return "", false
	}
	return v.text, true
}

// javaList reads patterns. Elements that are listed twice count once.
func (s *source) javaList(c javaConfig, key string, otherwise []item) []item {
	v, ok := c[key]
	if !ok {
		return otherwise
	}
	if rule := checkType(typeList, v.text); rule != "" {
		s.problem(v.place(), rule, "")
		return otherwise
	}
	var list []item
	for _, text := range properties.List(v.text) {
		if !slices.ContainsFunc(list, func(it item) bool { return it.text == text }) {
			list = append(list, item{text: text, at: v.place(), hidden: v.text != v.raw})
		}
	}
	return list
}
