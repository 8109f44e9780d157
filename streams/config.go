package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/settings"
	"mm2/streams/internal/task"
)

// Guarantee is how often the effects of a record are seen.
type Guarantee int

// The guarantees.
const (
	// AtLeastOnce may repeat effects after a crash, and never loses any.
	AtLeastOnce Guarantee = iota
	// ExactlyOnce commits outputs, state and positions in one transaction; their
	// readers must read committed records only. It is Kafka's exactly_once_v2.
	ExactlyOnce
)

// Config is how an application runs. Fields that are zero have the defaults of
// Kafka Streams 4.3. ParseConfig makes one of Kafka's names, which reaches more
// settings.
type Config struct {
	// ApplicationID is the consumer group, and the prefix of internal topics,
	// transactional ids and client ids. It is required.
	ApplicationID string
	// BootstrapServers are brokers of the home cluster as host:port. At least one
	// is required, here or in the Cluster of Home.
	BootstrapServers []string
	// Home is the alias of the cluster in Clusters that has the group, internal
	// topics, positions and transactions. It needs not be set if BootstrapServers
	// name that cluster.
	Home string
	// Clusters are those that the topology names with OnCluster, by alias.
	Clusters map[string]Cluster
	// StateDir is the root of local state. Two instances on a machine need two.
	StateDir string
	// Guarantee is AtLeastOnce by default.
	Guarantee Guarantee
	// NumStreamThreads is how many goroutines process records; 1 by default.
	NumStreamThreads int
	// CommitInterval is the time between commits: 30 s, and 100 ms with
	// ExactlyOnce.
	CommitInterval time.Duration
	// PollTimeout is how long a thread waits for records before it looks what
	// else there is to do; 100 ms by default.
	PollTimeout time.Duration
	// TaskTimeout is how long a thread tries again what the brokers do not
	// answer, before the error goes to OnUncaught; 5 min by default.
	TaskTimeout time.Duration
	// CloseTimeout bounds the clean end of Run; 30 s by default.
	CloseTimeout time.Duration
	// MaxTaskIdle is how long a task waits for an input that has no records while
	// others have, so that records are taken in the order of their times. 0 waits
	// only until the broker is known to have nothing more; a negative one does not
	// wait at all.
	MaxTaskIdle time.Duration
	// BufferedRecordsPerPartition is how many records wait before a partition is
	// not fetched for a while; 1000 by default.
	BufferedRecordsPerPartition int
	// MaxStagedBytes is how much a task may write to its stores before a commit is
	// due; 64 MiB by default.
	MaxStagedBytes int
	// ReplicationFactor is that of internal topics; the brokers' default by
	// default.
	ReplicationFactor int16
	// InternalTopicConfig are configs of internal topics, by Kafka's names.
	InternalTopicConfig map[string]string
	// WindowChangelogExtraRetention is added to the retention of window and
	// session stores in their changelogs; a day by default.
	WindowChangelogExtraRetention time.Duration
	// RepartitionPurgeInterval is how often records are deleted from repartition
	// topics that were read; 30 s by default.
	RepartitionPurgeInterval time.Duration
	// StateCleanupDelay is how long the state of tasks stays that moved to other
	// instances; 10 min by default.
	StateCleanupDelay time.Duration

	// OnDecodeError, OnProcessError and OnProduceError decide about records that
	// fail; nil is LogAndFail.
	OnDecodeError, OnProcessError, OnProduceError ErrorHandler
	// DeadLetterTopic, if set, gets the records that LogAndContinue drops, with
	// headers that say what was wrong (KIP-1034).
	DeadLetterTopic string
	// OnUncaught decides about an error that ended a thread; nil is StopInstance.
	// It is called by the goroutine of the thread. Errors that pass by themselves,
	// and tasks that moved to other owners, do not come here.
	OnUncaught func(error) Reaction

	// ApplicationServer is the end point, as host:port, that App.Locate of all
	// instances gives for what this one has. Nothing listens there by itself. Empty
	// tells others nothing.
	ApplicationServer string

	// StateListener is told of each change of the application's state. It must
	// return soon.
	StateListener func(from, to State)
	// RestoreListener follows how stores are restored.
	RestoreListener RestoreListener

	// SummaryInterval is how often a line in the log says how many records,
	// punctuations and commits there were; 2 min by default, and a negative one
	// writes none.
	SummaryInterval time.Duration
	// Metrics is where the metrics mm2_streams_* are registered; nil shows none.
	Metrics prometheus.Registerer
	// Logger is where the application writes; nil is slog.Default.
	Logger *slog.Logger

	// ClientOptions are options of all clients, such as kgo.Dialer.
	ClientOptions []kgo.Opt
	// Consumer, Restore, Global, Producer and Admin are options of single kinds of
	// clients. They must not change how groups and transactions work.
	Consumer, Restore, Global, Producer, Admin []kgo.Opt

	parsed *settings.Settings // what ParseConfig read
	idle   []string           // names that it read and that change nothing
}

// idleNames are settings that Kafka has for what is not here yet: state that is
// moved by how far copies of it are. No result depends on them.
var idleNames = []string{
	"acceptable.recovery.lag", "max.warmup.replicas", "probing.rebalance.interval.ms",
}

// Handlers are the error handlers by stage, for the packages below this one.
func (c Config) Handlers() map[task.Stage]func(Failure) Response {
	handlers := make(map[task.Stage]func(Failure) Response, 3)
	for stage, h := range map[task.Stage]ErrorHandler{task.Decode: c.OnDecodeError, task.Process: c.OnProcessError, task.Produce: c.OnProduceError} {
		if h == nil {
			h = LogAndFail
		}
		handlers[stage] = h
	}
	return handlers
}

// ParseConfig makes a Config of settings by their names in Kafka, such as
// application.id or processing.guarantee, those of clients and their prefixes
// included. It refuses names that it does not know and settings that nothing
// would honour, and reports all that is wrong at once. Settings that have no
// effect are logged when the application starts.
func ParseConfig(properties map[string]string) (Config, error) {
	s, err := settings.Parse(properties)
	if err != nil {
		return Config{}, err
	}
	if err := unsupported(&s); err != nil {
		return Config{}, err
	}
	c := Config{
		ApplicationID: s.ApplicationID, BootstrapServers: s.Connection.Bootstrap, StateDir: s.StateDir,
		NumStreamThreads: s.NumStreamThreads, CommitInterval: s.CommitInterval, PollTimeout: s.PollTimeout, TaskTimeout: s.TaskTimeout,
		MaxTaskIdle: s.MaxTaskIdle, BufferedRecordsPerPartition: s.BufferedRecordsPerPartition,
		ReplicationFactor: s.ReplicationFactor, InternalTopicConfig: s.InternalTopicConfig,
		WindowChangelogExtraRetention: s.WindowChangelogExtraRetention, RepartitionPurgeInterval: s.RepartitionPurgeInterval,
		StateCleanupDelay: s.StateCleanupDelay, DeadLetterTopic: s.DeadLetterTopic, ApplicationServer: s.ApplicationServer, SummaryInterval: s.SummaryInterval, parsed: &s,
		OnDecodeError: handlerOf(s.OnDecodeError), OnProcessError: handlerOf(s.OnProcessError), OnProduceError: handlerOf(s.OnProduceError),
	}
	if s.Guarantee == settings.ExactlyOnceV2 {
		c.Guarantee = ExactlyOnce
	}
	for _, name := range idleNames {
		if _, given := properties[name]; given {
			c.idle = append(c.idle, name)
		}
	}
	return c, nil
}

func handlerOf(r settings.Reaction) ErrorHandler {
	if r == settings.Continue {
		return LogAndContinue
	}
	return LogAndFail
}

// unsupported finds settings that are Kafka's and read, but not honoured here.
func unsupported(s *settings.Settings) error {
	var errs []error
	refuse := func(is bool, name, remedy string) {
		if is {
			errs = append(errs, fmt.Errorf("%s is not supported: %s", name, remedy))
		}
	}
	refuse(s.NumStandbyReplicas > 0, "num.standby.replicas", "leave it out")
	refuse(s.TimestampExtractor != settings.FailOnInvalidTimestamp, "default.timestamp.extractor", "give sources the option Timestamps")
	refuse(s.StoreEngine != settings.Persistent, "default.dsl.store", "give stores the option state.InMemory")
	return errors.Join(errs...)
}

// settings are the settings with the fields of c over them.
func (c *Config) settings() (settings.Settings, error) {
	var s settings.Settings
	minimal := map[string]string{"application.id": c.ApplicationID}
	if err := c.home(minimal); err != nil {
		return s, err
	}
	if c.parsed != nil {
		s = *c.parsed
	} else {
		minimal["bootstrap.servers"] = strings.Join(c.BootstrapServers, ",")
		if c.Guarantee == ExactlyOnce {
			minimal["processing.guarantee"] = string(settings.ExactlyOnceV2)
		}
		var err error
		if s, err = settings.Parse(minimal); err != nil {
			return s, err
		}
	}
	if c.parsed != nil && (c.Guarantee == ExactlyOnce) != (s.Guarantee == settings.ExactlyOnceV2) {
		return s, errors.New("the guarantee was changed after ParseConfig, and other settings hang on it: set processing.guarantee")
	}
	set(&s.NumStreamThreads, c.NumStreamThreads)
	set(&s.CommitInterval, c.CommitInterval)
	set(&s.PollTimeout, c.PollTimeout)
	set(&s.TaskTimeout, c.TaskTimeout)
	set(&s.BufferedRecordsPerPartition, c.BufferedRecordsPerPartition)
	set(&s.ReplicationFactor, c.ReplicationFactor)
	set(&s.WindowChangelogExtraRetention, c.WindowChangelogExtraRetention)
	set(&s.RepartitionPurgeInterval, c.RepartitionPurgeInterval)
	set(&s.StateCleanupDelay, c.StateCleanupDelay)
	set(&s.StateDir, c.StateDir)
	set(&s.SummaryInterval, c.SummaryInterval)
	set(&s.ApplicationServer, c.ApplicationServer)
	s.MaxTaskIdle, s.DeadLetterTopic = c.MaxTaskIdle, c.DeadLetterTopic
	if c.InternalTopicConfig != nil {
		s.InternalTopicConfig = c.InternalTopicConfig
	}
	return s, c.check(&s)
}

func (c *Config) check(s *settings.Settings) error {
	var errs []error
	if s.NumStreamThreads < 1 || s.BufferedRecordsPerPartition < 1 || c.MaxStagedBytes < 0 {
		errs = append(errs, fmt.Errorf("NumStreamThreads is %d, BufferedRecordsPerPartition %d and MaxStagedBytes %d: want them positive", s.NumStreamThreads, s.BufferedRecordsPerPartition, c.MaxStagedBytes))
	}
	if s.CommitInterval < 0 || s.PollTimeout < 0 || s.TaskTimeout < 0 || c.CloseTimeout < 0 {
		errs = append(errs, errors.New("CommitInterval, PollTimeout, TaskTimeout and CloseTimeout must not be negative"))
	}
	if c.Guarantee == ExactlyOnce && s.Producer.TransactionTimeout < s.CommitInterval {
		errs = append(errs, fmt.Errorf("the CommitInterval %v is longer than transaction.timeout.ms (%v): transactions would time out before they are committed", s.CommitInterval, s.Producer.TransactionTimeout))
	}
	if c.ApplicationServer != "" {
		if host, port, err := net.SplitHostPort(c.ApplicationServer); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("the ApplicationServer is %q: want host:port", c.ApplicationServer))
		}
	}
	return errors.Join(errs...)
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
