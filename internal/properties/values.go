package properties

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var secretKey = regexp.MustCompile(`password|passphrase|secret|jaas|assertion|keystore\.key|credential`)

// HoldsSecret reports whether the value of a key may be a secret and so must
// not be shown.
func HoldsSecret(key string) bool { return secretKey.MatchString(strings.ToLower(key)) }

// List reads a LIST: elements between commas, blanks around them dropped.
// An empty text is the empty list.
func List(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// Bool reads a BOOLEAN as Kafka does: true or false in any case.
func Bool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// OneOf is the rule of a choice.
func OneOf(options []string) string {
	quoted := make([]string, len(options))
	for i, o := range options {
		quoted[i] = strconv.Quote(o)
	}
	return "want one of " + strings.Join(quoted, ", ")
}

// WholeNumber is the rule of a number. Bounds that no number passes are left out.
func WholeNumber(lo, hi int64) string {
	switch {
	case lo == math.MinInt64:
		return fmt.Sprintf("want a whole number up to %d", hi)
	case hi == math.MaxInt64:
		return fmt.Sprintf("want a whole number from %d", lo)
	}
	return fmt.Sprintf("want a whole number from %d to %d", lo, hi)
}

// CheckAddress wants host:port, as Kafka's bootstrap.servers does.
func CheckAddress(s string) error {
	i := strings.LastIndexByte(s, ':')
	if i < 1 {
		return errors.New("want host:port")
	}
	host, port := s[:i], s[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("want host:port with a port from 1 to %d", math.MaxUint16)
	}
	bracketed := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
	if strings.ContainsAny(host, " /@") || strings.Contains(host, ":") && !bracketed {
		return errors.New("want host:port, with an IPv6 address in brackets")
	}
	return nil
}
