package replicator

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"mm2/internal/kafka"
	"mm2/internal/lane"
	"mm2/topology"
)

// Status is a snapshot of this worker's part in a flow, as JSON for /api/v1/status.
type Status struct {
	Flow      topology.FlowID `json:"-"`
	Joined    bool            `json:"joined"`      // the group has given us our share, which may be empty
	LaneCount int             `json:"lanes_total"` // of the flow, on all workers
	Lanes     []LaneStatus    `json:"lanes"`       // assigned to this worker
	Discovery DiscoveryStatus `json:"discovery"`
}

// DiscoveryStatus is what is known of the source's topics.
type DiscoveryStatus struct {
	Topics     int           `json:"topics"`
	Partitions int           `json:"partitions"`
	LastOK     *time.Time    `json:"last_ok,omitempty"`
	Err        string        `json:"error,omitempty"`
	Problems   []TopicStatus `json:"problems,omitempty"` // topics that are not copied, or not wholly
}

// TopicStatus is a source topic that is not copied and why.
type TopicStatus struct {
	Topic   string `json:"topic"`
	Target  string `json:"target"`
	Missing int    `json:"missing_partitions"`
	Err     string `json:"error"`
}

// LaneStatus is one lane of this worker.
type LaneStatus struct {
	ID         lane.ID           `json:"lane"`
	Consumer   Client            `json:"-"` // reads the source
	Producer   Client            `json:"-"` // writes the target
	State      lane.State        `json:"state"`
	Since      time.Time         `json:"since"`
	Err        string            `json:"error,omitempty"`
	Fences     int               `json:"fences"`
	Records    int64             `json:"records"` // committed since the lane was opened
	Bytes      int64             `json:"bytes"`
	Commits    int64             `json:"commits"`
	Aborts     int64             `json:"aborts"`
	LastCommit *time.Time        `json:"last_commit,omitempty"`
	Partitions []PartitionStatus `json:"partitions"`
}

// PartitionStatus is one source partition of a lane.
type PartitionStatus struct {
	Topic      string  `json:"topic"`
	Partition  int32   `json:"partition"`
	Next       int64   `json:"next_offset"` // next source offset to read
	End        int64   `json:"end_offset"`  // -1: not known yet
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
	Parked     string  `json:"parked,omitempty"`
	// Lost are the source offsets given up so far by a policy, as committed
	// with the marks; Trouble is the last thing that was wrong since the lane
	// was opened, and what was done.
	Lost    map[kafka.Kind]int64 `json:"lost,omitempty"`
	Trouble string               `json:"trouble,omitempty"`
}

// Client is a client of a lane, and what went over its connections since the
// worker started.
type Client struct {
	ID string
	kafka.Traffic
}

func clientOf(d *kafka.Dialer, role string) Client { return Client{d.ClientID(role), d.Traffic(role)} }

// Status is safe for concurrent use, also while Run is not running.
func (r *Replicator) Status() Status {
	r.mu.Lock()
	group, disc, lanes := r.group, r.disc, r.lanes
	copiers := maps.Clone(r.copiers)
	r.mu.Unlock()
	s := Status{Flow: r.cfg.Flow.ID, LaneCount: lanes, Lanes: []LaneStatus{}}
	if disc != nil {
		s.Discovery = disc.status()
	}
	if group == nil {
		return s
	}
	s.Joined = group.Joined()
	now := time.Now()
	for _, l := range group.Status() {
		ls := LaneStatus{
			ID: l.ID, Consumer: clientOf(r.cfg.Source, r.sourceRole(l.ID)), Producer: clientOf(r.cfg.Target, r.targetRole(l.ID)),
			State: l.State, Since: l.Since, Err: l.Err, Fences: l.Fences, Partitions: []PartitionStatus{},
		}
		if c := copiers[l.ID]; c != nil {
			c.fill(&ls, now)
		}
		s.Lanes = append(s.Lanes, ls)
	}
	return s
}

func (c *copier) fill(s *LaneStatus, now time.Time) {
	s.Records, s.Bytes, s.Commits, s.Aborts = c.records.Load(), c.bytes.Load(), c.commits.Load(), c.aborts.Load()
	if ms := c.lastCommit.Load(); ms > 0 {
		t := time.UnixMilli(ms).UTC()
		s.LastCommit = &t
	}
	for _, p := range c.source.Positions() {
		lag := p.Lag()
		s.Partitions = append(s.Partitions, PartitionStatus{
			Topic: p.Topic, Partition: p.Partition.Partition, Next: p.Next, End: p.End,
			LagRecords: lag, LagSeconds: lagSince(now, p.Newest, lag), Parked: p.Parked,
			Lost: p.Lost, Trouble: c.note(p.Partition),
		})
	}
}

func (d *discovery) status() DiscoveryStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := DiscoveryStatus{}
	if d.err != nil {
		s.Err = d.err.Error()
	}
	if d.current == nil {
		return s
	}
	last := d.last.UTC()
	s.LastOK, s.Topics, s.Partitions = &last, len(d.current.topics), d.current.partitions()
	for name, t := range d.current.topics {
		if t.err == nil && t.missing == 0 {
			continue
		}
		p := TopicStatus{Topic: name, Target: t.remote, Missing: t.missing}
		if t.err != nil {
			p.Err = t.err.Error()
		}
		s.Problems = append(s.Problems, p)
	}
	slices.SortFunc(s.Problems, func(a, b TopicStatus) int {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	})
	return s
}

func itoa(id lane.ID) string { return strconv.Itoa(int(id)) }

// Name is the lane's number as text.
func (s LaneStatus) Name() string { return itoa(s.ID) }

// Name is the partition as people write it.
func (s PartitionStatus) Name() string { return s.Topic + "-" + strconv.Itoa(int(s.Partition)) }
