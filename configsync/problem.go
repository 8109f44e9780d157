package configsync

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ProblemKind is what a [Problem] is about. The values are part of the JSON of
// plan and status.
type ProblemKind string

// The kinds of problems.
const (
	// Somebody must act, or mm2 does it later.
	Unreadable   ProblemKind = "unreadable"    // a topic or its configs cannot be read
	NoOwnership  ProblemKind = "no_ownership"  // what mm2 made cannot be remembered
	SharedTarget ProblemKind = "shared_target" // two topics have one copy
	BadName      ProblemKind = "bad_name"      // the copy's name is too long
	Refused      ProblemKind = "refused"       // the target refused a change

	// Differences that stay, on purpose.
	MorePartitions ProblemKind = "more_partitions" // on the target; partitions are never taken away
	UncopiedACL    ProblemKind = "uncopied_acl"    // an ACL that has no counterpart on the target
	NoACLs         ProblemKind = "no_acls"         // a side has no authorizer
)

// Problem is something that keeps the target from being like the source.
type Problem struct {
	Kind  ProblemKind `json:"kind"`
	Topic string      `json:"topic,omitempty"` // on the target, if it is about one
	Text  string      `json:"text"`            // stands alone
}

func (p Problem) String() string { return p.Text }

// Harmless tells that nothing failed: the difference stays on purpose.
func (p Problem) Harmless() bool {
	return p.Kind == MorePartitions || p.Kind == UncopiedACL || p.Kind == NoACLs
}

func sortProblems(ps []Problem) []Problem {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps)
}

// some names the first few of many.
func some(names []string) string {
	const few = 5
	slices.Sort(names)
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
