package takeover

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// offsets is what Java's topic says about one flow: the last value of each raw
// key, as Java sees it.
type offsets struct {
	cfg    Config
	id     kadm.TopicID
	tail   tail
	made   time.Time
	read   time.Time // when the last catching up began that succeeded; zero: none did
	values map[string]value
}

// value is what one raw key holds.
type value struct {
	partition pipeline.Partition
	next      int64
	canonical bool // Java would find the key
	ours      bool // mm2 wrote it last
}

func newOffsets(cfg Config, id kadm.TopicID) *offsets {
	return &offsets{cfg: cfg, id: id, made: time.Now(), tail: tail{role: cfg.Flow.String() + "|take-over-offsets"}, values: map[string]value{}}
}

// last is since when o may lack what came and went.
func (o *offsets) last() time.Time {
	if o.read.IsZero() {
		return o.made
	}
	return o.read
}

// catchUp reads what was written since the last time.
func (o *offsets) catchUp(ctx context.Context, deps Deps, topic string) error {
	return o.tail.read(ctx, deps, topic, o.see)
}

func (o *offsets) see(r *kgo.Record) {
	p, canonical, ok := ParseKey(r.Key)
	if !ok || p.Connector != o.cfg.Connector || p.Cluster != string(o.cfg.Flow.Source) {
		return
	}
	last, ok := ParseValue(r.Value)
	if !ok {
		delete(o.values, string(r.Key))
		return
	}
	o.values[string(r.Key)] = value{
		partition: pipeline.Partition{Topic: p.Topic, Partition: p.Partition},
		next:      last + 1, canonical: canonical, ours: writtenByUs(r),
	}
}

// resume is where Java stood where it was the last to write. A key that Java
// would not find counts only where there is none that it would.
func (o *offsets) resume() map[pipeline.Partition]int64 {
	best := make(map[pipeline.Partition]value, len(o.values))
	for _, v := range o.values {
		b, seen := best[v.partition]
		if !seen || v.canonical && !b.canonical || v.canonical == b.canonical && v.next > b.next {
			best[v.partition] = v
		}
	}
	out := map[pipeline.Partition]int64{}
	for p, v := range best {
		if !v.ours {
			out[p] = v.next
		}
	}
	return out
}
