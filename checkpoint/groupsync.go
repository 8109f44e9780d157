package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// syncer commits translated positions on the target for groups that are not in
// use there.
type syncer struct {
	task   *Task
	state  *state
	client *kgo.Client // on the target

	asked       bool // newProtocol is known
	newProtocol bool
}

const (
	// groupsPerPass bounds how old the look at a group can be when its
	// positions are written.
	groupsPerPass = 100
	// commitsAtOnce are commits in flight; each is one small request.
	commitsAtOnce = 8
	// groupSyncPatience bounds one pass.
	groupSyncPatience = 30 * time.Second
)

// run commits what is asked for, at once where a group was quiet, and compares
// all groups with the target from time to time.
func (s *syncer) run(ctx context.Context) error {
	recheck := time.NewTicker(s.task.cfg.SnapshotInterval)
	defer recheck.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-recheck.C:
			s.state.recheck()
			continue
		case <-s.state.pending:
		case <-next.C:
		}
		for ctx.Err() == nil {
			jobs, wait := s.state.takeSync(time.Now(), groupsPerPass)
			if len(jobs) == 0 {
				if wait >= 0 {
					next.Reset(wait)
				}
				break
			}
			s.pass(ctx, jobs)
			s.finish(jobs)
		}
	}
}

// pass looks at groups on the target and commits what they lack, in this order
// and without delay between: members, positions, ends of the log, commit.
func (s *syncer) pass(ctx context.Context, jobs []*syncJob) {
	ctx, cancel := context.WithTimeout(ctx, groupSyncPatience)
	defer cancel()
	if !s.asked {
		known, err := knowsNewGroups(ctx, s.client)
		if err != nil {
			failAll(jobs, err)
			return
		}
		s.asked, s.newProtocol = true, known
	}
	open := s.unused(ctx, jobs)
	if len(open) == 0 {
		return
	}
	limits, err := lookAtBounds(ctx, s.client, open)
	if err != nil {
		failAll(open, err)
		return
	}
	names := make([]string, len(open))
	for i, j := range open {
		names[i] = j.group
	}
	committed := fetchPositions(ctx, s.client, names)
	var commits errgroup.Group
	commits.SetLimit(commitsAtOnce)
	for _, j := range open {
		r := committed[j.group]
		if r.Err != nil {
			j.fail(fmt.Errorf("read its positions on the target: %w", kafka.Explain(r.Err)))
			continue
		}
		commits.Go(func() error {
			s.commit(ctx, j, r.Fetched, limits)
			return nil
		})
	}
	_ = commits.Wait() // results are in the jobs
}

// unused returns the jobs whose groups have no members on the target, and
// settles the others.
func (s *syncer) unused(ctx context.Context, jobs []*syncJob) []*syncJob {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.group
	}
	looks := lookAtGroups(ctx, s.client, names, s.newProtocol)
	var open []*syncJob
	for _, j := range jobs {
		l := looks[j.group]
		switch {
		case l.err != nil:
			j.fail(fmt.Errorf("describe it on the target: %w", kafka.Explain(l.err)))
		case free(l.state):
			open = append(open, j)
		default:
			j.result, j.why = SyncActive, "it has members on the target ("+l.state+"): its positions there are its own"
		}
	}
	return open
}

// commit writes what the group lacks.
func (s *syncer) commit(ctx context.Context, j *syncJob, committed kadm.OffsetResponses, limits map[pipeline.Partition]bounds) {
	offsets, written := kadm.Offsets{}, []want{}
	j.result = SyncUnchanged
	for _, w := range j.wants {
		has := int64(noPosition)
		if o, ok := committed.Lookup(w.target.Topic, w.target.Partition); ok {
			if o.Err != nil {
				j.fail(fmt.Errorf("read its position of %s/%d on the target: %w", w.target.Topic, w.target.Partition, kafka.Explain(o.Err)))
				return
			}
			has = o.At
		}
		offset, v := judge(w, has, limits[w.target])
		j.short = j.short || v != waitFor && offset < w.offset
		switch v {
		case waitFor:
			j.result = SyncWaiting
			j.why = fmt.Sprintf("%s/%d on the target was made anew or lost its end: it is not known yet where %d of the old one is in it", w.target.Topic, w.target.Partition, w.offset)
		case writeIt:
			offsets.Add(kadm.Offset{Topic: w.target.Topic, Partition: w.target.Partition, At: offset, LeaderEpoch: -1, Metadata: w.metadata})
			written = append(written, w)
		case keepIt:
			j.done = append(j.done, w)
		case isAhead:
			j.done = append(j.done, w)
			j.result = SyncAhead
			j.why = fmt.Sprintf("its position of %s/%d on the target is %d, beyond %d", w.target.Topic, w.target.Partition, has, offset)
		}
	}
	if len(written) == 0 {
		return
	}
	if err := s.send(ctx, j.group, offsets); err != nil {
		j.fail(err)
		return
	}
	j.result, j.written, j.done = SyncWritten, written, append(j.done, written...)
}

// send commits on behalf of nobody: the broker refuses it for a group that has
// members.
func (s *syncer) send(ctx context.Context, group string, offsets kadm.Offsets) error {
	answers, err := kadm.NewClient(s.client).CommitOffsets(ctx, group, offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return fmt.Errorf("commit its positions on the target: %w", kafka.Explain(err))
	}
	return nil
}

// finish counts the results.
func (s *syncer) finish(jobs []*syncJob) {
	now := time.Now()
	failures, failure := 0, ""
	for _, j := range jobs {
		s.task.metrics.syncs(j.result).Inc()
		for _, w := range j.written {
			if !w.commit.IsZero() {
				s.task.metrics.staleness.Observe(now.Sub(w.commit).Seconds())
			}
		}
		if j.result == SyncFailed {
			failures++
			failure = "group " + j.group + ": " + j.why
		}
	}
	if failures > 0 {
		s.task.failed(s.state, partSync, fmt.Errorf("%d group(s), one of them %s", failures, failure))
	} else {
		s.task.works(s.state, partSync)
	}
	s.state.synced(jobs, now, s.task.cfg.SyncInterval)
}

// fail notes why a job was not done.
func (j *syncJob) fail(err error) {
	j.result, j.why = SyncFailed, err.Error()
	if raced(err) {
		j.result = SyncRefused
	}
}

func failAll(jobs []*syncJob, err error) {
	for _, j := range jobs {
		j.fail(kafka.Explain(err))
	}
}
