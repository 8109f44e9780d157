package topology

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Filter selects names by include and exclude patterns; exclude wins. Each
// list is joined with "|" and must match the whole name, as in Java. Patterns
// are Java's regular expressions, case-sensitive unless they say otherwise.
//
// The zero Filter matches nothing: so does every Filter with no include
// patterns. A Filter is immutable and safe for concurrent use.
type Filter struct {
	include, exclude         []string
	includeExpr, excludeExpr matcher // nil for an empty list
}

// PatternError says which pattern of a filter is not usable and why.
type PatternError struct {
	Pattern string
	Reason  string
}

// Error is the pattern and the reason.
func (e *PatternError) Error() string { return fmt.Sprintf("pattern %q: %s", e.Pattern, e.Reason) }

// NewFilter compiles the patterns. The error joins a [*PatternError] for each
// pattern that is not usable. The slices are copied.
func NewFilter(include, exclude []string) (Filter, error) {
	in, inErr := compileList(include)
	ex, exErr := compileList(exclude)
	if err := errors.Join(inErr, exErr); err != nil {
		return Filter{}, err
	}
	return Filter{
		include: slices.Clone(include), includeExpr: in,
		exclude: slices.Clone(exclude), excludeExpr: ex,
	}, nil
}

// Include is a copy of the include patterns.
func (f Filter) Include() []string { return slices.Clone(f.include) }

// Exclude is a copy of the exclude patterns.
func (f Filter) Exclude() []string { return slices.Clone(f.exclude) }

// Equal reports whether both filters have the same patterns in the same order.
func (f Filter) Equal(g Filter) bool {
	return slices.Equal(f.include, g.include) && slices.Equal(f.exclude, g.exclude)
}

// Match reports whether name is selected. A name that cannot be decided (see
// [Filter.Decide]) is not.
func (f Filter) Match(name string) bool {
	selected, err := f.Decide(name)
	return selected && err == nil
}

// Decide is Match for callers that want to tell the user about a pattern which
// needs more than [MatchTimeout] for a name: a backtracking pattern such as
// "(?!x)(a+)+b" can take exponential time. Plain patterns never fail.
func (f Filter) Decide(name string) (bool, error) {
	if f.includeExpr == nil {
		return false, nil
	}
	included, err := f.includeExpr.match(name)
	if err != nil || !included {
		return false, err
	}
	if f.excludeExpr == nil {
		return true, nil
	}
	excluded, err := f.excludeExpr.match(name)
	return !excluded && err == nil, err
}

// MatchTimeout bounds the match of one name against one list with a pattern
// that needs backtracking. A sane pattern decides a name of 249 characters in
// microseconds; the engine's clock ticks every 100 ms.
const MatchTimeout = 250 * time.Millisecond

type matcher interface {
	match(name string) (bool, error)
}

type linearMatcher struct{ expr *regexp.Regexp }

func (m linearMatcher) match(name string) (bool, error) { return m.expr.MatchString(name), nil }

type backtrackingMatcher struct{ expr *regexp2.Regexp }

func (m backtrackingMatcher) match(name string) (bool, error) {
	ok, err := m.expr.MatchString(name)
	if err != nil {
		return false, fmt.Errorf("match %q: %w", name, err)
	}
	return ok, nil
}

// compileList compiles every pattern alone, for the sake of the error, and
// then the whole list as Java does: flags such as (?i) and group numbers reach
// over the "|" between the patterns.
func compileList(patterns []string) (matcher, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	var problems []error
	var joined translated
	parts := make([]string, len(patterns))
	for i, pattern := range patterns {
		t, err := translate(pattern)
		if err == nil {
			_, err = compile(t)
		}
		if err != nil {
			problems = append(problems, &PatternError{Pattern: pattern, Reason: err.Error()})
		}
		parts[i] = t.expr
		joined.backtracking = joined.backtracking || t.backtracking
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	joined.expr = strings.Join(parts, "|")
	m, err := compile(joined)
	if err != nil {
		return nil, &PatternError{Pattern: strings.Join(patterns, "|"), Reason: err.Error()}
	}
	return m, nil
}

// compile prefers the linear engine. What it refuses although the translation
// found nothing that needs backtracking (a{2000}) goes to the other one.
func compile(t translated) (matcher, error) {
	whole := `\A(?:` + t.expr + `)\z`
	if !t.backtracking {
		if expr, err := regexp.Compile(whole); err == nil {
			return linearMatcher{expr: expr}, nil
		}
	}
	expr, err := regexp2.Compile(whole, regexp2.RE2) // RE2: \w, \d and \s are ASCII, as in Java
	if err != nil {
		return nil, errors.New(strings.TrimSpace(strings.Replace(err.Error(), "error parsing regexp: ", "", 1)))
	}
	expr.MatchTimeout = MatchTimeout
	return backtrackingMatcher{expr: expr}, nil
}
