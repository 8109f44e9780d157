package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// fenceTimeout bounds the fencing of one transactional id, during which its
// open transaction is ended.
const fenceTimeout = 30 * time.Second

// fence ends what Java's producers left open and keeps them from writing more,
// if Java ran exactly once. It may be done any number of times.
func (t *TakeOver) fence(ctx context.Context) error {
	ids, err := t.transactionalIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.fenceOne(ctx, id); err != nil {
			return err
		}
	}
	if len(ids) > 0 {
		t.deps.Logger.Info("fenced the producers of java mirrormaker 2", "transactional_ids", ids)
	}
	return nil
}

func (t *TakeOver) fenceOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	cl, err := t.deps.Dialer.Client(t.cfg.Flow.String()+"|take-over-fence", kgo.TransactionalID(id))
	if err != nil {
		return err
	}
	defer cl.Close()
	_, _, err = cl.ProducerID(ctx)
	if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		return &pipeline.FatalError{
			Err:    fmt.Errorf("fence %s on %s: %w: java mirrormaker 2 ran this flow exactly once, and a worker of it that lost touch with its group could still write", id, t.cfg.Flow.Target, err),
			Remedy: fmt.Sprintf("grant mm2 WRITE and DESCRIBE on transactional ids that start with %s-", t.cfg.Group),
		}
	}
	if err != nil {
		return fmt.Errorf("fence %s on %s: %w", id, t.cfg.Flow.Target, err)
	}
	return nil
}

// transactionalIDs are those of Java's tasks that the target may know: those it
// lists, and those that Connect noted before it started the tasks. An id that
// neither has holds nothing open, and its producer would be refused.
func (t *TakeOver) transactionalIDs(ctx context.Context) ([]string, error) {
	listed, listErr := t.listed(ctx)
	noted, noteErr := t.noted(ctx)
	if listErr != nil && !errors.Is(listErr, kerr.UnsupportedVersion) {
		return nil, listErr
	}
	if noteErr != nil && !errors.Is(noteErr, kerr.TopicAuthorizationFailed) {
		return nil, noteErr
	}
	ids := append(listed, noted...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if noteErr != nil && len(ids) == 0 {
		// The list leaves out what we may not see. It is safe to go on: a
		// transaction that Java left open holds up the reading of its offsets,
		// which waits for its end.
		t.deps.Logger.Warn("whether java mirrormaker 2 ran exactly once cannot be told, so its transactions are left to time out",
			"err", noteErr, "remedy", fmt.Sprintf("grant mm2 DESCRIBE and WRITE on transactional ids that start with %s-, or READ and DESCRIBE on topic %s", t.cfg.Group, t.cfg.ConfigsTopic))
	}
	return ids, nil
}

// listed asks the coordinators.
func (t *TakeOver) listed(ctx context.Context) ([]string, error) {
	all, err := t.deps.Admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("list transactions of %s: %w", t.cfg.Flow.Target, err)
	}
	var ids []string
	for id := range all {
		if t.ofJava(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// ofJava tells whether id is "<group>-<connector>-<task>" of this flow.
func (t *TakeOver) ofJava(id string) bool {
	for _, connector := range t.connectors() {
		task, ok := strings.CutPrefix(id, t.cfg.Group+"-"+connector+"-")
		if _, err := strconv.ParseUint(task, 10, 31); ok && err == nil {
			return true
		}
	}
	return false
}

// noted reads how many tasks Connect says may have producers.
func (t *TakeOver) noted(ctx context.Context) ([]string, error) {
	if t.cfg.ConfigsTopic == "" {
		return nil, nil
	}
	counts := map[string]int{}
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	tail := &tail{role: t.cfg.Flow.String() + "|take-over-configs"}
	err := tail.read(ctx, t.deps, t.cfg.ConfigsTopic, func(r *kgo.Record) {
		connector, ok := strings.CutPrefix(string(r.Key), "tasks-fencing-")
		var value struct {
			Tasks int `json:"task-count"`
		}
		if ok && json.Unmarshal(r.Value, &value) == nil {
			counts[connector] = value.Tasks
		}
	})
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.cfg.ConfigsTopic, err)
	}
	var ids []string
	for _, connector := range t.connectors() {
		for task := range counts[connector] {
			ids = append(ids, fmt.Sprintf("%s-%s-%d", t.cfg.Group, connector, task))
		}
	}
	return ids, nil
}
