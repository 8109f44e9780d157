package connection

import (
	"fmt"
	"log/slog"
)

// Secret is a string that does not print itself: not through fmt with any
// verb, slog, JSON, TOML or as part of a struct.
//
// Two ways out are left: fmt does not ask unexported fields how they print, so
// types that keep a Secret in one need a String method of their own; and JSON
// does not ask the keys of a map.
type Secret string

const hidden = "[hidden]"

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the value but shows whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format hides the value from all verbs. Without it, fmt would show the value
// in its complaint about a verb that does not fit.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	fmt.Fprint(f, s.String())
}

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from encoders of JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
