package takeover

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Config says which Java MirrorMaker 2 a flow takes over from. Empty fields
// mean what its dedicated mode uses.
type Config struct {
	Flow         topology.FlowID
	OffsetsTopic string // mm2-offsets.<source>.internal
	ConfigsTopic string // mm2-configs.<source>.internal, if Group is that of dedicated mode; else none
	Connector    string // MirrorSourceConnector
	Group        string // of the Connect workers: <source>-mm2
}

// Deps are what a TakeOver works with. Both are of the target; the TakeOver
// closes neither.
type Deps struct {
	Dialer *kafka.Dialer
	Admin  *kadm.Client
	Logger *slog.Logger
}

// TakeOver is one worker's dealings with the Java MirrorMaker 2 of one flow.
// Its methods may be called by several goroutines.
type TakeOver struct {
	cfg  Config
	deps Deps

	// where Java's topic is; nil while it is not there or we may not write it.
	// It is looked up before lanes are taken, and again each time one is.
	place atomic.Pointer[place]

	turn    chan struct{} // holds one token: who has it may use what follows
	cleared bool          // Java's transactions were ended since it was last seen alive
	told    bool          // what may be copied again was logged
	offsets *offsets      // what was read of Java's topic; nil: nothing yet
}

// place is Java's topic as last seen. Nobody changes it.
type place struct {
	topic      string
	id         kadm.TopicID
	partitions int
	writable   bool
}

// New returns a TakeOver that has done nothing yet.
func New(cfg Config, deps Deps) *TakeOver {
	if cfg.OffsetsTopic == "" {
		cfg.OffsetsTopic = topology.JavaOffsetsTopic(cfg.Flow.Source)
	}
	if cfg.Connector == "" {
		cfg.Connector = sourceConnector
	}
	if cfg.Group == "" {
		cfg.Group = topology.JavaGroup(cfg.Flow.Source)
	}
	t := &TakeOver{cfg: cfg, deps: deps, turn: make(chan struct{}, 1)}
	if cfg.ConfigsTopic == "" && !t.shared() {
		t.cfg.ConfigsTopic = topology.JavaConfigsTopic(cfg.Flow.Source)
	}
	return t
}

const sourceConnector = "MirrorSourceConnector"

// shared tells whether the Connect workers may run other connectors, too: those
// of dedicated mode do not.
func (t *TakeOver) shared() bool { return t.cfg.Group != topology.JavaGroup(t.cfg.Flow.Source) }

// connectors are the names of the flow's connectors: on a Connect cluster all
// three carry the same additions ("A->B.MirrorSourceConnector").
func (t *TakeOver) connectors() []string {
	names := []string{t.cfg.Connector}
	if strings.Contains(t.cfg.Connector, sourceConnector) {
		for _, kind := range []string{"MirrorCheckpointConnector", "MirrorHeartbeatConnector"} {
			names = append(names, strings.Replace(t.cfg.Connector, sourceConnector, kind, 1))
		}
	}
	return names
}

// Guard refuses to let the flow run beside Java. It is asked before any lane is
// taken and again and again after that. The error is a *pipeline.FatalError if
// Java's workers are there, or if a missing right keeps us from knowing.
//
// The first call after Java was last seen ends the transactions that it left
// open and fences its producers, so that a worker that lost touch with its
// group cannot write any more.
func (t *TakeOver) Guard(ctx context.Context) error {
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	if t.cleared {
		return t.gone(ctx)
	}
	if err := t.look(ctx); err != nil {
		return err
	}
	if err := t.gone(ctx); err != nil {
		return err
	}
	if p := t.place.Load(); p != nil {
		t.shrink(ctx, p)
		if err := t.fence(ctx); err != nil {
			return err
		}
	}
	t.cleared = true
	return nil
}

// resumeTimeout bounds one reading of Java's topic: transactions open in it,
// ours among them, end within their time-outs, which are shorter.
const resumeTimeout = 45 * time.Second

// forget is how long what was read of Java's topic may be added to. A withdrawn
// offset leaves a tombstone that is gone after a day (delete.retention.ms): who
// looks away for longer would not see it.
const forget = time.Hour

// Resume is where Java stood: the next source offset of each partition whose
// offset Java was the last to write. What mm2 wrote there is left out, because
// its own marks say the same and count. Call it with the lane fenced.
func (t *TakeOver) Resume(ctx context.Context) (map[pipeline.Partition]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, resumeTimeout)
	defer cancel()
	asked := time.Now()
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	defer t.leave()
	if t.offsets != nil && t.offsets.read.After(asked) {
		return t.offsets.resume(), nil // what another lane read while we waited
	}
	began := time.Now()
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	if err := t.gone(ctx); err != nil {
		return nil, err
	}
	p := t.place.Load()
	if p == nil {
		t.offsets = nil
		return nil, nil
	}
	if t.offsets == nil || t.offsets.id != p.id || began.Sub(t.offsets.last()) > forget {
		t.offsets = newOffsets(t.cfg, p.id)
	}
	if err := t.offsets.catchUp(ctx, t.deps, p.topic); err != nil {
		return nil, fmt.Errorf("read the offsets of java mirrormaker 2: %w", err)
	}
	t.offsets.read = began
	found := t.offsets.resume()
	t.tell(len(found))
	return found, nil
}

// tell logs once what taking over may copy again.
func (t *TakeOver) tell(partitions int) {
	if t.told || partitions == 0 {
		return
	}
	t.told = true
	t.deps.Logger.Info("taking over from java mirrormaker 2", "offsets_topic", t.cfg.OffsetsTopic, "partitions", partitions,
		"copied_again", "nothing if java ran exactly once or was stopped gracefully; else what it had not noted: the last offset.flush.interval.ms (60 s by default)")
}

// enter waits for the turn.
func (t *TakeOver) enter(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *TakeOver) leave() { <-t.turn }
