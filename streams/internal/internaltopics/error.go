package internaltopics

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What an [Error] is, for errors.Is.
var (
	// ErrNotCopartitioned says that topics which are joined have different
	// numbers of partitions.
	ErrNotCopartitioned = errors.New("topics are not co-partitioned")
	// ErrMissingSourceTopic says that a topic which the topology reads does not
	// exist.
	ErrMissingSourceTopic = errors.New("source topic does not exist")
	// ErrMissingInternalTopic says that an internal topic which was there, or
	// should be, does not exist.
	ErrMissingInternalTopic = errors.New("internal topic does not exist")
	// ErrPartitionCount says that an internal topic has another number of
	// partitions than the topology needs.
	ErrPartitionCount = errors.New("internal topic has another number of partitions")
)

// Error says why the topics of an application do not fit its topology. It is
// never cured by trying again.
type Error struct {
	Kind   error            // one of the sentinels of this package; errors.Is finds it
	Topics map[string]int32 // the topics meant, with their partition counts; 0 = does not exist
	Joins  []string         // the operators that need them co-partitioned; may be empty
	Detail string           // more on what is wrong; may be empty
	Remedy string           // what to do, as sentences
}

// Error names the topics sorted by name, the joins and the remedy.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "topology: %s: ", e.Kind)
	for i, name := range slices.Sorted(maps.Keys(e.Topics)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
		if n := e.Topics[name]; n > 0 {
			fmt.Fprintf(&b, "=%d", n)
		}
	}
	if e.Detail != "" {
		b.WriteString("; " + e.Detail)
	}
	switch len(e.Joins) {
	case 0:
	case 1:
		fmt.Fprintf(&b, "; join at %q", e.Joins[0])
	default:
		quoted := make([]string, len(e.Joins))
		for i, join := range e.Joins {
			quoted[i] = fmt.Sprintf("%q", join)
		}
		b.WriteString("; joins at " + strings.Join(quoted, ", "))
	}
	b.WriteString(".\n" + e.Remedy)
	return b.String()
}

// Unwrap is the kind.
func (e *Error) Unwrap() error { return e.Kind }
