package replicator

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Config is everything decided about one flow on one worker.
type Config struct {
	Flow           topology.Flow
	Source, Target *kafka.Dialer
	Worker         string // names this process in claims; unique in the mesh
	InstanceID     string // static group membership; empty: none

	Lanes                  int   // partitions of the lanes topic when it is created
	LanesReplicationFactor int16 // -1: the target's default

	AtLeastOnce        bool
	ReadUncommitted    bool
	StartLatest        bool
	DiscoveryInterval  time.Duration
	CommitInterval     time.Duration
	CommitBytes        int64
	SessionTimeout     time.Duration
	TransactionTimeout time.Duration // must be shorter than SessionTimeout
	Compression        string
	RateLimit          int64 // uncompressed bytes a second; 0: none

	FetchMinBytes          int32
	FetchMaxWait           time.Duration
	FetchMaxBytes          int32
	FetchMaxPartitionBytes int32
	Linger                 time.Duration // negative: none
	MaxBatchBytes          int32         // bounds batches below the target topic's max.message.bytes; 0: does not
	BufferBytes            int64

	// Routes, made from all flows of the mesh, say which records the flow
	// carries where names do not tell; nil: all of them.
	Routes *topology.Routes

	// Policies say what is done about what loses records and what is refused.
	Policies kafka.Policies
	// SharedTargets says that others write into the copies by design, as where
	// topics of one name are copied both ways: then nobody is told of it.
	SharedTargets bool
}

// Deps are the parts a Replicator works with.
type Deps struct {
	Topics  Topics
	Metrics *Metrics
	Logger  *slog.Logger

	// Stages, if set, makes the stages of one lane; the Router follows them. A
	// stage that is a pipeline.Observer, too, is told of the lane's commits.
	Stages func(lane int) []pipeline.Stage
	// Routes, if set, are the topics on the target that stages may send records of
	// a source topic to, besides its copy. A record keeps the number of its
	// partition there. Where one of them cannot be made, the source topic is not
	// copied.
	Routes func(topic string) []string
	// Observers are told of every commit of every lane of this worker, from
	// several goroutines.
	Observers []pipeline.Observer
	// Companions, if set, makes what adds records to the transactions of one
	// lane; it is called each time the lane is taken.
	Companions func(lane int) []kafka.Companion
	// Discovered, if set, is told the source partitions of the flow after each
	// round of discovery, those of other workers included. It must not keep them.
	Discovered func([]pipeline.Partition)
	// Control runs while lane 0 is ours; see Control.
	Control []Control

	// Prepare, if set, makes what lanes need on the target besides their own
	// topic. It is asked before the first lane is taken, with how many there are.
	Prepare func(ctx context.Context, target *kadm.Client, lanes int) error
	// Released, if set, is told that the work of a lane ended: after its last
	// commit and before the lane is given up. mine selects the lane's source
	// partitions. The context has ended if the lane is already another's, and
	// ends soon otherwise.
	Released func(ctx context.Context, mine func(pipeline.Partition) bool)

	// Guard, if set, says whether the flow may run: it is asked before this
	// worker takes part in it, when any error keeps it out, and every
	// GuardInterval while it does, when a *pipeline.FatalError ends Run.
	Guard func(ctx context.Context) error
	// Resume, if set, is where another tool stood; see kafka.SourceConfig.
	Resume func(ctx context.Context) (map[pipeline.Partition]int64, error)
}

// Control is work that runs once in a flow. It returns when ctx ends; an error
// before that is logged and it is started again after a pause, and never
// stops the data.
type Control struct {
	Name string
	Run  func(ctx context.Context) error
}

// Topics makes target topics fit for what is about to be copied into them.
type Topics interface {
	// Ensure makes every wanted topic exist on the target with at least its
	// partitions, and describes it. The answer has an entry for every wanted
	// topic under its Key. The error is one that concerns all of them.
	Ensure(ctx context.Context, want []WantedTopic) (map[string]TargetTopic, error)
}

// WantedTopic is a source topic and what its copy is called.
type WantedTopic struct {
	Source     string
	Target     string
	Partitions int
	// Routed: Target is no copy, but a topic that stages send records of Source to.
	Routed bool
}

// Key is where the answer for the topic is found: its source, or for one that is
// Routed the target after an arrow.
func (w WantedTopic) Key() string {
	if w.Routed {
		return "->" + w.Target
	}
	return w.Source
}

// TargetTopic describes a topic on the target, or says why it is not as wanted.
// Beside an Err, Partitions are those that may be copied all the same.
type TargetTopic struct {
	Partitions    int
	ID            kadm.TopicID
	MaxBatchBytes int32 // max.message.bytes in force; 0 unknown
	Err           error
}
