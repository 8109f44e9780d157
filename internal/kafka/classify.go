package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/pipeline"
)

// class is what a failed write asks for.
type class int

const (
	again   class = iota // reopen and replay; the usual case
	fenced               // another owner took over: write nothing more
	refused              // this record will never be taken: park its partition
	fatal                // a person must act: park the lane
)

// classify is the one place that decides what a produce or transaction error
// means. Whatever is not listed is worth another try, because reopening starts
// from committed marks and so cannot do harm.
func classify(err error) class {
	switch {
	// INVALID_PRODUCER_EPOCH on produce and PRODUCER_FENCED on EndTxn are what
	// an owner sees that lost its lane, and one whose transaction timed out.
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch):
		return fenced

	// The record itself is at fault.
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge),
		errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTimestamp),
		errors.Is(err, kerr.CorruptMessage), errors.Is(err, kerr.UnsupportedCompressionType),
		errors.Is(err, kerr.PolicyViolation):
		return refused

	// One topic we may not write does not stop the others.
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return refused

	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedVersion),
		errors.Is(err, kerr.InvalidTransactionTimeout):
		return fatal
	}
	return again
}

// failure is a failed write with what was being written.
type failure struct {
	source pipeline.Partition
	offset int64 // -1: not a source record
	target pipeline.Partition
	err    error
}

// err turns a failure into what the loop branches on.
func (f failure) asError() error {
	switch classify(f.err) {
	case fenced:
		return errors.Join(pipeline.ErrFenced, f.err)
	case refused:
		if f.offset >= 0 {
			return &pipeline.RefusedError{Source: f.source, Offset: f.offset, Target: f.target, Err: f.err}
		}
		return &pipeline.FatalError{Err: fmt.Errorf("write to %s partition %d: %w", f.target.Topic, f.target.Partition, f.err)}
	case fatal:
		return &pipeline.FatalError{Err: fmt.Errorf("write to %s partition %d: %w", f.target.Topic, f.target.Partition, f.err)}
	}
	return fmt.Errorf("write to %s partition %d: %w", f.target.Topic, f.target.Partition, f.err)
}

// endError classifies what InitProducerId or EndTxn answered.
func endError(what string, err error) error {
	switch classify(err) {
	case fenced:
		return fmt.Errorf("%s: %w", what, errors.Join(pipeline.ErrFenced, err))
	case fatal:
		return &pipeline.FatalError{Err: fmt.Errorf("%s: %w", what, err)}
	}
	return fmt.Errorf("%s: %w", what, err)
}
