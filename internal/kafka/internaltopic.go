package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	delays "mm2/internal/backoff" // this package has a function called backoff
)

// CleanupPolicy and Compact are the topic config that every internal topic
// needs, and its value.
const (
	CleanupPolicy = "cleanup.policy"
	Compact       = "compact"
)

// ErrNotCompacted is wrapped by [EnsureInternalTopic] when the topic exists
// with a cleanup policy other than compact, so that what is kept in it can be
// deleted or grows for ever.
var ErrNotCompacted = errors.New("topic is not compacted")

// ErrPartitionCount is wrapped by [EnsureInternalTopic] when the topic exists
// with another number of partitions and the spec asks for exactly its own.
var ErrPartitionCount = errors.New("topic has another number of partitions")

// InternalTopic describes a topic that mm2 keeps state in.
type InternalTopic struct {
	Name              string
	Partitions        int32             // when it is created
	ReplicationFactor int16             // when it is created; -1 is the cluster's default
	Configs           map[string]string // when it is created; cleanup.policy=compact is implied

	// ExactPartitions refuses an existing topic with another number of
	// partitions. Otherwise the caller adapts to what the state says.
	ExactPartitions bool

	// ReplicationSetting is the setting that messages tell people to change,
	// for example "heartbeats_replication_factor". Empty: "replication_factor".
	ReplicationSetting string
}

// InternalTopicState is what was found or made.
type InternalTopicState struct {
	Partitions int32 // the actual number, which may differ from the wanted one
	ID         kadm.TopicID
	Created    bool // by this call

	// CleanupPolicy is the policy in force, or empty if we may not describe
	// the topic's configs: then nobody knows whether it is compacted.
	CleanupPolicy string
}

// EnsureInternalTopic creates the topic compacted, or checks it if it exists.
// When it creates the topic, or another creator is just ahead, it returns once
// every partition has a leader. It waits no longer than ctx allows, and any
// number of processes may call it for one topic at the same time.
//
// A state with Partitions > 0 is valid beside an error that wraps
// [ErrNotCompacted] or [ErrPartitionCount], so a caller for whom these are not
// fatal can warn and go on. An existing topic is never changed.
func EnsureInternalTopic(ctx context.Context, adm *kadm.Client, spec InternalTopic) (InternalTopicState, error) {
	st, err := ensureInternalTopic(ctx, adm, spec)
	if err != nil {
		return st, fmt.Errorf("ensure internal topic %s: %w", spec.Name, err)
	}
	return st, nil
}

func ensureInternalTopic(ctx context.Context, adm *kadm.Client, spec InternalTopic) (InternalTopicState, error) {
	found, err := lookUpTopic(ctx, adm, spec.Name)
	if err != nil {
		return InternalTopicState{}, err
	}
	var st InternalTopicState
	if found.missing {
		if st.Created, err = createInternalTopic(ctx, adm, spec); err != nil {
			return InternalTopicState{}, err
		}
		// Whoever creates a topic sends its clients there next. Without
		// leaders their first requests would fail and back off.
		if found, err = awaitTopicLeaders(ctx, adm, spec.Name); err != nil {
			return InternalTopicState{}, err
		}
	}
	st.Partitions, st.ID = int32(len(found.detail.Partitions)), found.detail.ID
	if st.Created {
		st.CleanupPolicy = Compact
		return st, nil
	}
	if st.CleanupPolicy, err = topicCleanupPolicy(ctx, adm, spec.Name); err != nil {
		return InternalTopicState{}, err
	}
	return st, errors.Join(checkCompacted(spec, st), checkPartitions(spec, st))
}

// checkCompacted accepts an unknown policy: reading and writing the topic
// needs no right to describe its configs.
func checkCompacted(spec InternalTopic, st InternalTopicState) error {
	if st.CleanupPolicy == "" || st.CleanupPolicy == Compact {
		return nil
	}
	return fmt.Errorf("%w: its cleanup.policy is %q, so the cluster may delete or keep for ever what mm2 stores there; repair it with: "+
		"kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact",
		ErrNotCompacted, st.CleanupPolicy, spec.Name)
}

func checkPartitions(spec InternalTopic, st InternalTopicState) error {
	if !spec.ExactPartitions || st.Partitions == spec.Partitions {
		return nil
	}
	return fmt.Errorf("%w: it has %d, wanted %d; a topic cannot lose partitions, so set the number it has or delete it",
		ErrPartitionCount, st.Partitions, spec.Partitions)
}

// createInternalTopic reports false if somebody else created it first.
func createInternalTopic(ctx context.Context, adm *kadm.Client, spec InternalTopic) (bool, error) {
	configs := make(map[string]*string, len(spec.Configs)+1)
	for key, value := range spec.Configs {
		configs[key] = &value
	}
	configs[CleanupPolicy] = new(Compact)

	resp, err := adm.CreateTopic(ctx, spec.Partitions, spec.ReplicationFactor, configs, spec.Name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	case errors.Is(err, kerr.RequestTimedOut):
		// The controller may have created it; the wait for leaders tells.
		return false, nil
	default:
		refusal := CreateRefusal{
			Topic:              spec.Name,
			ReplicationFactor:  spec.ReplicationFactor,
			ReplicationSetting: spec.ReplicationSetting,
			Err:                err,
			Message:            resp.ErrMessage,
		}
		// Without an answer the message does without the number of brokers.
		if m, err := adm.BrokerMetadata(ctx); err == nil {
			refusal.Brokers = len(m.Brokers)
		}
		return false, refusal.Explain()
	}
}

// CreateRefusal is a failed CreateTopics answer for one topic.
type CreateRefusal struct {
	Topic              string
	ReplicationFactor  int16
	ReplicationSetting string // empty: "replication_factor"
	Brokers            int    // how many the cluster has; 0: unknown
	Err                error  // not nil
	Message            string // the broker's own words; may be empty
}

// Explain turns the refusal into an error that tells people what to change. It
// wraps the broker's error.
func (r CreateRefusal) Explain() error {
	said := ""
	if r.Message != "" {
		said = fmt.Sprintf(" (the broker says: %s)", strings.TrimRight(r.Message, ". "))
	}
	setting := r.ReplicationSetting
	if setting == "" {
		setting = "replication_factor"
	}
	switch {
	case errors.Is(r.Err, kerr.InvalidReplicationFactor):
		brokers := "too few brokers"
		if r.Brokers > 0 {
			brokers = fmt.Sprintf("%d broker(s)", r.Brokers)
		}
		return fmt.Errorf("create topic %s with replication factor %d: the cluster has %s; set %s to that or less, or to -1 for the cluster's default: %w",
			r.Topic, r.ReplicationFactor, brokers, setting, r.Err)
	case errors.Is(r.Err, kerr.PolicyViolation):
		return fmt.Errorf("create topic %s: the cluster's create.topic.policy refuses it%s; allow it there or create the topic beforehand: %w", r.Topic, said, r.Err)
	case errors.Is(r.Err, kerr.TopicAuthorizationFailed), errors.Is(r.Err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("create topic %s: not allowed; grant CREATE on Topic %s (or on Cluster), or create the topic beforehand: %w", r.Topic, r.Topic, r.Err)
	default:
		return fmt.Errorf("create topic %s%s: %w", r.Topic, said, r.Err)
	}
}

// topicLook is one look at the metadata.
type topicLook struct {
	missing bool
	detail  kadm.TopicDetail
}

// lookUpTopic reads the topic's metadata past the client's cache: a topic that
// was created a moment ago, by us or by another worker, must be seen.
func lookUpTopic(ctx context.Context, adm *kadm.Client, topic string) (topicLook, error) {
	m, err := adm.Metadata(kadm.WithAuthorizedOps(ctx), topic)
	if err == nil {
		err = m.Topics[topic].Err
	}
	switch {
	case err == nil:
		return topicLook{detail: m.Topics[topic]}, nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return topicLook{missing: true}, nil
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return topicLook{}, fmt.Errorf("look up topic %s: not allowed; grant DESCRIBE on Topic %s: %w", topic, topic, err)
	default:
		return topicLook{}, fmt.Errorf("look up topic %s: %w", topic, err)
	}
}

// awaitTopicLeaders asks until every partition of the topic has a leader.
func awaitTopicLeaders(ctx context.Context, adm *kadm.Client, topic string) (topicLook, error) {
	var look topicLook
	err := askUntilSettled(ctx, topic, func() (string, error) {
		var err error
		look, err = lookUpTopic(ctx, adm, topic)
		leaderless := leaderlessPartitions(look.detail)
		switch {
		case err != nil:
			return "", err
		case look.missing || len(look.detail.Partitions) == 0:
			return "the brokers do not know it yet", nil
		case len(leaderless) > 0:
			return fmt.Sprintf("partitions %v have no leader", leaderless), nil
		}
		return "", nil
	})
	return look, err
}

func leaderlessPartitions(d kadm.TopicDetail) []int32 {
	var none []int32
	for _, p := range d.Partitions {
		if p.Err != nil || p.Leader < 0 {
			none = append(none, p.Partition)
		}
	}
	slices.Sort(none)
	return none
}

// topicCleanupPolicy is empty if we may not describe the topic's configs.
func topicCleanupPolicy(ctx context.Context, adm *kadm.Client, topic string) (string, error) {
	var policy string
	err := askUntilSettled(ctx, topic, func() (string, error) {
		configs, err := adm.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return "", err
		}
		_, err = configs.On(topic, func(rc *kadm.ResourceConfig) error {
			for _, c := range rc.Configs {
				if c.Key == CleanupPolicy {
					policy = c.MaybeValue()
				}
			}
			return rc.Err
		})
		return "", err
	})
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("describe configs of topic %s: %w", topic, err)
	}
	return policy, nil
}

// askUntilSettled calls ask until it neither names what it waits for nor fails
// with something that passes. Brokers learn of a new topic one after another,
// so for a while one says "unknown" about what another has just shown.
func askUntilSettled(ctx context.Context, topic string, ask func() (waiting string, err error)) error {
	pause := delays.Backoff{First: 20 * time.Millisecond, Max: time.Second}
	for {
		waiting, err := ask()
		switch {
		case err == nil && waiting == "":
			return nil
		case err != nil && !kerr.IsRetriable(err):
			return err
		case err != nil:
			waiting = err.Error()
		}
		if !delays.Sleep(ctx, pause.Next()) {
			return fmt.Errorf("wait for topic %s (%s): %w", topic, waiting, context.Cause(ctx))
		}
	}
}
