package assign

import (
	"errors"
	"fmt"
)

// Code is why a leader gives no tasks, or why a member wants none to be given.
// The numbers are part of the wire format.
type Code uint8

// The codes.
const (
	CodeNone Code = iota
	// CodeNotCopartitioned: topics that are joined differ in partition count.
	CodeNotCopartitioned
	// CodeMissingSourceTopic: a source topic does not exist.
	CodeMissingSourceTopic
	// CodeStopApplication: a member asks all members to stop.
	CodeStopApplication
	// CodeIncompatibleTopology: the member runs another topology than the group,
	// or speaks a format that the leader can't read.
	CodeIncompatibleTopology
)

// What an [Error] is, by its code.
var (
	ErrNotCopartitioned     = errors.New("topics are not co-partitioned")
	ErrMissingSourceTopic   = errors.New("a source topic is missing")
	ErrStopApplication      = errors.New("a member asked the application to stop")
	ErrIncompatibleTopology = errors.New("the member's topology is not the group's")
	// ErrUnknownCode is what a code of a newer version is here.
	ErrUnknownCode = errors.New("the leader refused for a reason that this version does not know")
)

// Error is a refusal by the leader. errors.Is finds the sentinel of its code.
type Error struct {
	Code Code
	// Text says what is wrong and what to do, for people.
	Text string
}

// Error names the kind of refusal and the details.
func (e *Error) Error() string {
	if e.Text == "" {
		return "assign tasks: " + e.Unwrap().Error()
	}
	return fmt.Sprintf("assign tasks: %v: %s", e.Unwrap(), e.Text)
}

// Unwrap returns the sentinel of the code.
func (e *Error) Unwrap() error {
	switch e.Code {
	case CodeNotCopartitioned:
		return ErrNotCopartitioned
	case CodeMissingSourceTopic:
		return ErrMissingSourceTopic
	case CodeStopApplication:
		return ErrStopApplication
	case CodeIncompatibleTopology:
		return ErrIncompatibleTopology
	default:
		return ErrUnknownCode
	}
}
