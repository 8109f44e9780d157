package internaltopics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
)

// Manager looks up and makes topics of one cluster. Its methods try again until
// their context ends when what failed may pass, so give them one that does. A
// Manager is safe for concurrent use, and any number of them may work on the
// same topics.
type Manager struct {
	admin  *kadm.Client
	logger *slog.Logger
}

// NewManager uses admin, which stays the caller's, and must not create topics
// by looking at them. A nil logger is silent.
func NewManager(admin *kadm.Client, logger *slog.Logger) *Manager {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Manager{admin: admin, logger: logger}
}

// Partitions are the partition counts of those of the topics that exist.
func (m *Manager) Partitions(ctx context.Context, topics ...string) (map[string]int32, error) {
	counts := make(map[string]int32, len(topics))
	err := m.retry(ctx, "look up", topics, func() (string, error) {
		found, err := m.look(ctx, topics)
		if err != nil {
			return "", err
		}
		clear(counts)
		for name, look := range found {
			if look.count > 0 {
				counts[name] = look.count
			}
		}
		return "", nil
	})
	return counts, err
}

// Check is an [*Error] that is [ErrMissingInternalTopic] or [ErrPartitionCount]
// when not all topics exist as planned. It creates nothing.
func (m *Manager) Check(ctx context.Context, topics []Topic) error {
	counts, err := m.Partitions(ctx, names(topics)...)
	if err != nil {
		return err
	}
	missing := make(map[string]int32)
	for _, t := range topics {
		if counts[t.Name] == 0 {
			missing[t.Name] = 0
		}
	}
	if len(missing) > 0 {
		return &Error{
			Kind: ErrMissingInternalTopic, Topics: missing,
			Remedy: "If it was deleted, its data is gone: reset the application, or restart it to begin with an empty topic.",
		}
	}
	return mismatch(topics, counts)
}

// Ensure creates those of the topics that do not exist, and returns once the
// brokers show all of them, with a leader for each partition. A topic that
// another process is just creating is waited for, and so is the end of a
// deletion. One that exists with another partition count is an [*Error]; its
// configs are left as they are.
func (m *Manager) Ensure(ctx context.Context, topics []Topic) error {
	created := make(map[string]bool)
	return m.retry(ctx, "create", names(topics), func() (string, error) {
		found, err := m.look(ctx, names(topics))
		if err != nil {
			return "", err
		}
		var waiting []string
		counts := make(map[string]int32)
		for _, t := range topics {
			look := found[t.Name]
			switch {
			case look.count == 0 && created[t.Name]:
				waiting = append(waiting, t.Name+" is not shown yet")
			case look.count == 0:
				reason, err := m.create(ctx, t)
				if err != nil {
					return "", err
				}
				created[t.Name] = reason == ""
				waiting = append(waiting, t.Name+" "+orElse(reason, "is not shown yet"))
			case look.leaderless > 0:
				waiting = append(waiting, fmt.Sprintf("%s has %d partitions without a leader", t.Name, look.leaderless))
			}
			if look.count > 0 && (look.count >= t.Partitions || !created[t.Name]) {
				counts[t.Name] = look.count
			} else if look.count > 0 {
				waiting = append(waiting, t.Name+" is not shown in full yet")
			}
		}
		return strings.Join(waiting, ", "), mismatch(topics, counts)
	})
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// create asks for a topic once. The reason tells why it is not known to be made
// by us.
func (m *Manager) create(ctx context.Context, t Topic) (reason string, err error) {
	configs := make(map[string]*string, len(t.Configs))
	for key, value := range t.Configs {
		configs[key] = &value
	}
	answer, err := m.admin.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, configs, t.Name)
	switch {
	case err == nil:
		m.logger.Info("created an internal topic", "topic", t.Name, "partitions", t.Partitions,
			"replication_factor", t.ReplicationFactor, "configs", t.Configs)
		return "", nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return "is being created by another or still being deleted", nil
	case errors.Is(err, kerr.RequestTimedOut):
		return "was asked for and not confirmed in time", nil // it may come all the same
	case passes(err):
		return "", err
	}
	refusal := kafka.CreateRefusal{
		Topic: t.Name, ReplicationFactor: t.ReplicationFactor, ReplicationSetting: "replication.factor",
		Err: err, Message: answer.ErrMessage,
	}
	if meta, err := m.admin.BrokerMetadata(ctx); err == nil {
		refusal.Brokers = len(meta.Brokers)
	}
	return "", refusal.Explain()
}

// mismatch compares the topics for which there is a count.
func mismatch(topics []Topic, counts map[string]int32) error {
	var errs []error
	for _, t := range topics {
		if have, known := counts[t.Name]; known && have != t.Partitions {
			errs = append(errs, &Error{
				Kind: ErrPartitionCount, Topics: map[string]int32{t.Name: have},
				Detail: fmt.Sprintf("the topology needs %d", t.Partitions),
				Remedy: "Source topics that grew, or another topology, ask for another count, and records and state would be looked for in the wrong partitions. " +
					"Restore the old partition counts, or reset the application: stop all its instances and delete its internal topics and local state.",
			})
		}
	}
	return errors.Join(errs...)
}

// topicLook is what metadata shows of a topic; count 0: not there.
type topicLook struct {
	count      int32
	leaderless int
}

// look reads metadata past the client's cache.
func (m *Manager) look(ctx context.Context, topics []string) (map[string]topicLook, error) {
	found := make(map[string]topicLook, len(topics))
	if len(topics) == 0 {
		return found, nil // the client takes no topics for all topics
	}
	meta, err := m.admin.Metadata(kadm.WithAuthorizedOps(ctx), topics...)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(meta.Topics)) {
		detail := meta.Topics[name]
		switch {
		case detail.Err == nil:
		case errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
			continue
		case errors.Is(detail.Err, kerr.TopicAuthorizationFailed):
			return nil, fmt.Errorf("look up topic %s: not allowed; grant DESCRIBE on Topic %s: %w", name, name, detail.Err)
		default:
			return nil, fmt.Errorf("look up topic %s: %w", name, detail.Err)
		}
		look := topicLook{count: int32(len(detail.Partitions))}
		for _, p := range detail.Partitions {
			if p.Leader < 0 || p.Err != nil {
				look.leaderless++
			}
		}
		found[name] = look
	}
	return found, nil
}

// retry calls try until it neither names what it waits for nor fails with what
// may pass.
func (m *Manager) retry(ctx context.Context, what string, topics []string, try func() (waiting string, err error)) error {
	pause := backoff.Backoff{First: 50 * time.Millisecond, Max: 2 * time.Second}
	for {
		waiting, err := try()
		switch {
		case err == nil && waiting == "":
			return nil
		case err != nil && !passes(err) && ctx.Err() == nil:
			return err
		case err != nil:
			waiting = kafka.Explain(err).Error()
		}
		m.logger.Debug("trying again", "what", what, "reason", waiting)
		if !backoff.Sleep(ctx, pause.Next()) {
			return fmt.Errorf("%s topics %s: %s: %w", what, strings.Join(topics, ", "), waiting, context.Cause(ctx))
		}
	}
}

// passes reports whether the same request may succeed later. What is no answer
// of a broker is a broken connection.
func passes(err error) bool {
	var answer *kerr.Error
	var mine *Error
	switch {
	case errors.As(err, &mine):
		return false
	case errors.As(err, &answer):
		return answer.Retriable
	default:
		return true
	}
}

func names(topics []Topic) []string {
	out := make([]string, len(topics))
	for i, t := range topics {
		out[i] = t.Name
	}
	return out
}
