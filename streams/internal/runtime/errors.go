package runtime

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/task"
)

// class is what an error that ended an incarnation of a thread asks for.
type class int

const (
	uncaught class = iota // the handler of the user decides
	again                 // a new incarnation starts from what was committed
	migrated              // as again; another owner took over
	refused               // no incarnation will do better
)

// classify is the one place that decides what becomes of a thread. Whatever may
// pass is tried again, since a new incarnation begins from committed offsets and
// so does no harm.
func classify(err error) class {
	var refusal *assign.Error
	var unfit *internaltopics.Error
	var user *task.Error
	switch {
	case errors.As(err, &user):
		return uncaught
	case errors.As(err, &refusal), errors.As(err, &unfit):
		return refused
	case errors.Is(err, ErrFenced):
		return migrated
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.UnknownMemberID),
		errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.FencedMemberEpoch):
		return migrated

	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedVersion),
		errors.Is(err, kerr.InvalidTransactionTimeout), errors.Is(err, kerr.FencedInstanceID),
		errors.Is(err, kerr.InconsistentGroupProtocol), errors.Is(err, kerr.OffsetMetadataTooLarge),
		errors.Is(err, kerr.InvalidTopicException), ofRecord(err):
		return uncaught
	}
	var answer *kerr.Error
	var network net.Error
	var broker *brokerError
	switch {
	case errors.As(err, &broker), errors.As(err, &answer), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries), errors.Is(err, kgo.ErrAborting),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return again
	}
	return uncaught
}

// brokerError is what a request to a broker ended with. What is not known to be
// fatal among it may pass: connections break in many ways.
type brokerError struct{ err error }

func (e *brokerError) Error() string { return e.err.Error() }
func (e *brokerError) Unwrap() error { return e.err }

// fromBroker marks the error of a request.
func fromBroker(err error) error {
	if err == nil {
		return nil
	}
	return &brokerError{err}
}

// ofRecord tells whether a record is at fault that was not written, or its
// topic: what a user may have an opinion about.
func ofRecord(err error) bool {
	for _, e := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
		kerr.UnsupportedCompressionType, kerr.PolicyViolation, kerr.TopicAuthorizationFailed, kerr.InvalidTopicException,
		kerr.UnknownTopicOrPartition,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
