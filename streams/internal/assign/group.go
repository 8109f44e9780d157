package assign

import (
	"errors"
	"fmt"
	"time"
)

// Config holds the assignment settings of the application. All members should
// have the same; the leader's count.
type Config struct {
	// Standbys is num.standby.replicas: copies per stateful task.
	Standbys int
	// AcceptableLag is acceptable.recovery.lag, in offsets: a copy at most that
	// far behind counts as caught up.
	AcceptableLag int64
	// MaxWarmups is max.warmup.replicas: warm-up copies at once, at least 1.
	MaxWarmups int
	// ProbingInterval is probing.rebalance.interval.ms: how long after a plan with
	// warm-ups the next rebalance is due. Greater than zero.
	ProbingInterval time.Duration
	// RackTags is rack.aware.assignment.tags: copies of a task are spread over
	// different values of these client tags where possible.
	RackTags []string
}

// Validate reports every value out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Standbys < 0 {
		errs = append(errs, fmt.Errorf("num.standby.replicas is %d: want 0 or more", c.Standbys))
	}
	if c.AcceptableLag < 0 {
		errs = append(errs, fmt.Errorf("acceptable.recovery.lag is %d: want 0 or more", c.AcceptableLag))
	}
	if c.MaxWarmups < 1 {
		errs = append(errs, fmt.Errorf("max.warmup.replicas is %d: want 1 or more, or tasks never move", c.MaxWarmups))
	}
	if c.ProbingInterval <= 0 {
		errs = append(errs, fmt.Errorf("probing.rebalance.interval.ms is %v: want more than 0", c.ProbingInterval))
	}
	return errors.Join(errs...)
}

// Member is one thread of one process, as it was before the plan.
type Member struct {
	// ID is unique in the group.
	ID string
	// Instance is group.instance.id, or empty. It orders members before ID does,
	// so that a static member that comes back under a new id is treated alike.
	Instance string
	Process  ProcessID
	// Active and Standby are the tasks that this thread had.
	Active, Standby []TaskID
	// Offsets holds the offset sum of each task with state on the process:
	// the next offsets of its changelogs added up, or [Running].
	Offsets map[TaskID]int64
	// Tags are the client tags of the process.
	Tags map[string]string
}

// Group is the input of [Compute]. Task ids and member ids are unique; of doubles
// only one is looked at.
type Group struct {
	Tasks   []Task
	Members []Member
}

// MemberPlan is what one member shall have. The lists are sorted and disjoint.
type MemberPlan struct {
	Active, Standby []TaskID
	// WarmUp tasks are held like standbys; the member takes them over as active
	// when they have caught up.
	WarmUp []TaskID
}

// Plan is the result of [Compute].
type Plan struct {
	// Members has an entry for each member of the group.
	Members map[string]MemberPlan
	// FollowUp is how long after this plan another rebalance is due because tasks
	// wait to move to their ideal process, or zero if none do.
	FollowUp time.Duration
}
