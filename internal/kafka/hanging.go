package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// A target broker that crashes in the middle of a commit can lose the
// transaction: the coordinator believes it complete, but some or all of its
// partitions never got their marker. Their last stable offset stands still for
// ever, every read-committed reader waits, and neither the transaction timeout
// nor InitProducerId helps.
//
// After InitProducerId succeeded the coordinator has nothing open for our
// transactional id, so a transaction of ours that a partition still shows open
// is a hanging one. Its outcome follows from the marks: a transaction whose
// marks are committed is committed, one whose marks are not is aborted and
// copied again. Where the marks hang as well, a marker that another partition
// got decides; if none did, no reader has seen anything and it is aborted.

// hung is one partition with a hanging transaction.
type hung struct {
	at               pipeline.Partition
	pid              int64
	epoch            int16
	coordinatorEpoch int32
	start            int64
}

// outcome is how a hanging transaction has to end.
type outcome int

const (
	undecided outcome = iota
	commit
	abort
)

func (o outcome) String() string { return [...]string{"undecided", "commit", "abort"}[o] }

// heal finishes hanging transactions of this lane, or says why it cannot. pid
// is the producer id that InitProducerId just returned.
func (s *TxnSink) heal(ctx context.Context, pid int64) error {
	open, closed, err := s.producers(ctx, pid)
	if err != nil || len(open) == 0 {
		return err
	}
	for _, txn := range group(open) {
		out, err := s.decide(ctx, txn, closed)
		if err != nil {
			return err
		}
		s.cfg.Logger.Warn("finishing a hanging transaction", "outcome", out.String(), "producer_id", txn[0].pid,
			"epoch", txn[0].epoch, "partitions", describe(txn))
		if err := s.finish(ctx, txn, out); err != nil {
			return err
		}
		if s.cfg.Healed != nil {
			s.cfg.Healed(out == commit)
		}
	}
	return nil
}

// group sorts hung partitions by transaction.
func group(open []hung) [][]hung {
	slices.SortStableFunc(open, func(a, b hung) int {
		if a.pid != b.pid {
			return int(a.pid - b.pid)
		}
		return int(a.epoch) - int(b.epoch)
	})
	var out [][]hung
	for i, h := range open {
		if i > 0 && open[i-1].pid == h.pid && open[i-1].epoch == h.epoch {
			out[len(out)-1] = append(out[len(out)-1], h)
			continue
		}
		out = append(out, []hung{h})
	}
	return out
}

// producers asks the leaders of every partition of the lane for open
// transactions of ours, and for our producers whose transactions ended there.
// Only this lane's transactional id writes its mark partition, so whatever is
// open there is ours even if the producer id has changed since.
func (s *TxnSink) producers(ctx context.Context, pid int64) (open, closed []hung, err error) {
	set := kadm.TopicsSet{}
	set.Add(s.cfg.Marks.Topic, s.cfg.Marks.Partition)
	for _, p := range s.cfg.Partitions() {
		set.Add(p.Topic, p.Partition)
	}
	for _, c := range s.cfg.Companions {
		for _, p := range c.Partitions() {
			set.Add(p.Topic, p.Partition)
		}
	}
	described, err := s.cfg.Admin.DescribeProducers(ctx, set)
	if err != nil {
		return nil, nil, fmt.Errorf("describe producers: %w", err)
	}
	ours := map[int64]bool{pid: true}
	marks := pipeline.Partition(s.cfg.Marks)
	var all []hung
	for _, t := range described {
		for _, p := range t.Partitions {
			if p.Err != nil {
				if skippable(p.Err) {
					continue
				}
				return nil, nil, fmt.Errorf("describe producers of %s partition %d: %w", p.Topic, p.Partition, p.Err)
			}
			for _, a := range p.ActiveProducers {
				h := hung{
					at: pipeline.Partition{Topic: p.Topic, Partition: p.Partition}, pid: a.ProducerID,
					epoch: a.ProducerEpoch, coordinatorEpoch: a.CoordinatorEpoch, start: a.CurrentTxnStartOffset,
				}
				if h.at == marks {
					ours[a.ProducerID] = true
				}
				all = append(all, h)
			}
		}
	}
	for _, h := range all {
		switch {
		case !ours[h.pid]:
		case h.start >= 0:
			open = append(open, h)
		default:
			closed = append(closed, h)
		}
	}
	return open, closed, nil
}

// skippable: the topic is new or gone, or we may not look. Without the right a
// hanging transaction shows as marks that cannot be read to the end.
func skippable(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.TopicAuthorizationFailed)
}

// decide finds the outcome of one hanging transaction.
func (s *TxnSink) decide(ctx context.Context, txn, closed []hung) (outcome, error) {
	marks := pipeline.Partition(s.cfg.Marks)
	at := slices.IndexFunc(txn, func(h hung) bool { return h.at == marks })
	if at < 0 {
		v := verdict{pid: txn[0].pid, epoch: txn[0].epoch}
		err := scan(ctx, s.cfg.Dialer, s.cfg.Role+"|marks", scanRange{topic: marks.Topic, partition: marks.Partition, from: -1}, v.see)
		if err != nil {
			return undecided, fmt.Errorf("look for the marks of a hanging transaction: %w", err)
		}
		return v.outcome(txn)
	}
	perTxn, err := s.epochPerTransaction(ctx)
	if err != nil {
		return undecided, err
	}
	for _, c := range closed {
		switch {
		case c.pid != txn[0].pid:
			continue
		case !perTxn && c.epoch == txn[0].epoch:
			// The marker there may be this transaction's or an earlier one's.
			return undecided, &pipeline.FatalError{
				Err:    fmt.Errorf("a hanging transaction of producer %d blocks %s; whether it was committed elsewhere cannot be told on a target without transaction.version 2", c.pid, describe(txn)),
				Remedy: byHand(txn, undecided),
			}
		case c.epoch != txn[0].epoch+1: // under KIP-890 the marker carries the next epoch
			continue
		}
		out, err := s.lastMarker(ctx, c)
		if err != nil {
			return undecided, err
		}
		if out != undecided {
			return out, nil
		}
	}
	return abort, nil
}

// epochPerTransaction tells whether the target bumps the epoch with every
// transaction (KIP-890, transaction.version 2).
func (s *TxnSink) epochPerTransaction(ctx context.Context) (bool, error) {
	versions, err := s.cfg.Admin.ApiVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for the target's transaction.version: %w", err)
	}
	for _, v := range versions {
		if v.Err != nil {
			continue
		}
		for _, f := range v.Raw().FinalizedFeatures {
			if f.Name == "transaction.version" {
				return f.MaxVersionLevel >= 2, nil
			}
		}
		return false, nil
	}
	return false, errors.New("ask for the target's transaction.version: no broker answered")
}

// verdict reads a mark partition for what became of one transaction's marks.
// Under KIP-890 (transaction.version 2) every transaction has its own epoch, so
// the marks of (pid, epoch) belong to one transaction; without it they may
// belong to many, and then they decide only if all ended alike.
type verdict struct {
	pid       int64
	epoch     int16
	waiting   bool // a mark of ours has not met its marker yet
	committed bool
	aborted   bool
}

func (v *verdict) see(r *kgo.Record) error {
	if r.ProducerID != v.pid {
		return nil
	}
	if !r.Attrs.IsControl() {
		v.waiting = v.waiting || r.ProducerEpoch == v.epoch
		return nil
	}
	if !v.waiting {
		return nil
	}
	v.waiting = false
	if out := markerOutcome(r); out == commit {
		v.committed = true
	} else if out == abort {
		v.aborted = true
	}
	return nil
}

func (v *verdict) outcome(txn []hung) (outcome, error) {
	if v.committed && v.aborted {
		return undecided, &pipeline.FatalError{
			Err: fmt.Errorf("a hanging transaction of producer %d epoch %d on %s may have been committed or aborted: the target does not give each transaction an epoch of its own (transaction.version 2)",
				v.pid, v.epoch, describe(txn)),
			Remedy: byHand(txn, undecided),
		}
	}
	if v.committed {
		return commit, nil
	}
	return abort, nil
}

// markerOutcome decodes a control record's key: version, then 0 abort, 1 commit.
func markerOutcome(r *kgo.Record) outcome {
	if len(r.Key) < 4 {
		return undecided
	}
	switch int16(r.Key[2])<<8 | int16(r.Key[3]) {
	case 0:
		return abort
	case 1:
		return commit
	}
	return undecided
}

// lastMarker looks backwards through a partition for the marker of its
// producer's last transaction. Nobody wrote to it through this lane since, so
// it is near the end.
func (s *TxnSink) lastMarker(ctx context.Context, c hung) (outcome, error) {
	start, end, err := bounds(ctx, s.cfg.Admin, c.at.Topic, c.at.Partition)
	if err != nil {
		return undecided, err
	}
	for back := int64(100); ; back *= 10 {
		from := max(start, end-back)
		out := undecided
		err := scan(ctx, s.cfg.Dialer, s.cfg.Role+"|markers", scanRange{topic: c.at.Topic, partition: c.at.Partition, from: from}, func(r *kgo.Record) error {
			if r.Attrs.IsControl() && r.ProducerID == c.pid && r.ProducerEpoch == c.epoch {
				out = markerOutcome(r)
			}
			return nil
		})
		if err != nil || out != undecided || from == start {
			return out, err
		}
	}
}

// finish writes the missing markers straight to the partition leaders
// (WriteTxnMarkers: ALTER or CLUSTER_ACTION on the cluster).
func (s *TxnSink) finish(ctx context.Context, txn []hung, out outcome) error {
	for _, h := range txn {
		topics := kadm.TopicsSet{}
		topics.Add(h.at.Topic, h.at.Partition)
		answers, err := s.cfg.Admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{
			ProducerID: h.pid, ProducerEpoch: h.epoch, CoordinatorEpoch: max(h.coordinatorEpoch, 0), Commit: out == commit, Topics: topics,
		})
		if err == nil {
			err = markersError(answers)
		}
		switch {
		case err == nil:
		case errors.Is(err, kerr.ClusterAuthorizationFailed):
			return &pipeline.FatalError{
				Err:    fmt.Errorf("a hanging transaction blocks %s and has to be finished (%s), but we may not: %w", describe(txn), out, err),
				Remedy: byHand(txn, out),
			}
		default:
			return fmt.Errorf("finish the hanging transaction on %s partition %d: %w", h.at.Topic, h.at.Partition, err)
		}
	}
	return nil
}

func markersError(answers kadm.TxnMarkersResponses) error {
	var errs []error
	for _, a := range answers {
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				errs = append(errs, p.Err)
			}
		}
	}
	return errors.Join(errs...)
}

func describe(txn []hung) string {
	parts := make([]string, len(txn))
	for i, h := range txn {
		parts[i] = fmt.Sprintf("%s partition %d from offset %d", h.at.Topic, h.at.Partition, h.start)
	}
	return strings.Join(parts, ", ")
}

// byHand is what a person can do where mm2 may not or cannot decide.
func byHand(txn []hung, out outcome) string {
	grant := "grant ALTER on the target cluster to mm2, which then finishes it"
	if out == commit {
		return grant + " (do not abort it by hand: its records would be lost)"
	}
	cmds := make([]string, len(txn))
	for i, h := range txn {
		cmds[i] = fmt.Sprintf("kafka-transactions.sh --bootstrap-server TARGET abort --topic %s --partition %d --start-offset %d", h.at.Topic, h.at.Partition, h.start)
	}
	run := "run, as an administrator of the target: " + strings.Join(cmds, "; ")
	if out == abort {
		return grant + ", or " + run
	}
	return "compare the end of these partitions with the source; if their last records are to be copied again, " + run
}

// ErrHanging means that a commit that was acknowledged is not visible: reopen,
// which finishes it.
var ErrHanging = errors.New("a committed transaction is still open on the target")

// Check implements pipeline.Checker.
func (s *TxnSink) Check(ctx context.Context) error {
	if s.client == nil || s.inTxn {
		return nil
	}
	pid, _, err := s.client.ProducerID(ctx)
	if err != nil {
		return endError("producer id", err)
	}
	s.trail.ours[pid] = true // it changes when its epochs are used up
	if s.transactional() {
		if err := s.stuck(ctx, pid); err != nil {
			return err
		}
	}
	return s.lookIntoGaps(ctx)
}

// stuck looks for transactions of ours that hang. Markers are written after
// EndTxn answers, so one look proves nothing: the same transaction open at two
// checks does.
func (s *TxnSink) stuck(ctx context.Context, pid int64) error {
	open, _, err := s.producers(ctx, pid)
	if err != nil {
		// The target is in trouble or we may not ask; the data path will tell.
		s.cfg.Logger.Debug("cannot look for hanging transactions", "err", err)
		return nil
	}
	now := make(map[pipeline.Partition]int64, len(open))
	for _, h := range open {
		now[h.at] = h.start
		if before, ok := s.suspect[h.at]; ok && before == h.start {
			return fmt.Errorf("%s partition %d from offset %d: %w", h.at.Topic, h.at.Partition, h.start, ErrHanging)
		}
	}
	s.suspect = now
	return nil
}
