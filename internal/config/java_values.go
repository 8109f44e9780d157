package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var secretKey = regexp.MustCompile(`password|passphrase|secret|jaas|assertion|keystore\.key|credential`)

// place is where the value stands. The value of a key that may hold a secret
// does not show.
func (v javaValue) place() place {
	at := place{line: v.line, key: v.key, value: v.raw}
	if secretKey.MatchString(strings.ToLower(v.key)) {
		at.value = ""
	}
	return at
}

// splitList reads a LIST: elements between commas, blanks around them dropped.
// An empty text is the empty list.
func splitList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// checkType says what is wrong with a text for a type of ConfigDef.
func checkType(typ valueType, text string) string {
	switch typ {
	case typeBool:
		if _, ok := parseBool(text); !ok {
			return "want true or false"
		}
	case typeInt:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return "want a whole number"
		}
	case typeList:
		if slices.Contains(splitList(text), "") {
			return "a list cannot have an empty element (Kafka refuses it since 4.2)"
		}
	case typeString, typeClass:
	}
	return ""
}

func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// The readers below return the given default for a key that is not there or
// is wrong; what is wrong is reported.

func (s *source) javaBool(c javaConfig, key string, otherwise bool) bool {
	v, ok := c[key]
	if !ok {
		return otherwise
	}
	b, valid := parseBool(v.text)
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
		s.problem(v.place(), wholeNumber(lo, hi), "")
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
		s.problem(v.place(), oneOf(options), didYouMean(v.text, options))
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
	for _, text := range splitList(v.text) {
		if !slices.ContainsFunc(list, func(it item) bool { return it.text == text }) {
			list = append(list, item{text: text, at: v.place(), hidden: v.text != v.raw})
		}
	}
	return list
}
