package streams

import (
	"mm2/streams/internal/task"
)

// Failure is a record that could not be decoded, processed or sent, as an error
// handler sees it.
type Failure = task.Failure

// Response is an error handler's answer: what is done, and dead letters to
// produce.
type Response = task.Response

// Output is a record that is produced in the place of, or because of, a failed
// one.
type Output = task.Output

// Action is what is done about a failed record.
type Action = task.Action

// The actions of a Response.
const (
	Fail     = task.Fail     // the task fails, and the uncaught handler decides
	Continue = task.Continue // the record is dropped from the failing node on, and counted
	Retry    = task.Retry    // sending is tried again; of no other use
)

// ErrorHandler decides what is done about a failed record. It is called by the
// goroutine of the task. Failures are logged before.
type ErrorHandler func(Failure) Response

// LogAndFail stops the task. The record is not lost, so there is no dead letter
// of it: it is processed again when the task runs again.
func LogAndFail(Failure) Response { return Response{Action: Fail} }

// LogAndContinue drops the record and goes on.
func LogAndContinue(Failure) Response { return Response{Action: Continue, DeadLetter: true} }
