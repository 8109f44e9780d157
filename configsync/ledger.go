package configsync

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
)

// LedgerConfig says where a [Ledger] is.
type LedgerConfig struct {
	Topic             string // topology.OwnedTopic
	ReplicationFactor int16  // when it is created; -1: the cluster's default
}

// LedgerDeps are what a [Ledger] works with. All are required.
type LedgerDeps struct {
	Client *kgo.Client // on the ledger's cluster; the caller closes it
	// Open makes a client on the same cluster for one reading; the ledger
	// closes it.
	Open   func(opts ...kgo.Opt) (*kgo.Client, error)
	Logger *slog.Logger
}

// Ledger remembers what mm2 made on a cluster: topics with their ids, and ACLs.
// It is a compacted topic with one partition, shared by all workers of a flow.
// A record without a value forgets.
//
// Whoever deletes by it may only delete what it names. So an ACL is written
// down before it is created: after a crash in between it is owned and absent,
// which is harmless. A topic is written down afterwards, since its id is not
// known before: after a crash in between it is nobody's, and stays.
//
// It is safe for concurrent use.
type Ledger struct {
	cfg  LedgerConfig
	deps LedgerDeps

	turn chan struct{} // held by the call that talks to the cluster and owns what follows
	next int64         // offset to read on from
	made bool          // the topic exists

	mu    sync.Mutex // guards owned
	owned Owned
}

// NewLedger returns a ledger that has read nothing yet.
func NewLedger(cfg LedgerConfig, deps LedgerDeps) (*Ledger, error) {
	if cfg.Topic == "" || deps.Client == nil || deps.Open == nil || deps.Logger == nil {
		return nil, errors.New("configsync ledger: topic, client, open and logger are required")
	}
	return &Ledger{cfg: cfg, deps: deps, turn: make(chan struct{}, 1), owned: newOwned()}, nil
}

func newOwned() Owned {
	return Owned{Topics: make(map[string]OwnedTopic), ACLs: make(map[ACL]bool)}
}

func (o Owned) clone() Owned { return Owned{Topics: maps.Clone(o.Topics), ACLs: maps.Clone(o.ACLs)} }

// How long a write and a reading may take, so that nobody waits for a cluster
// that does not answer. Ten thousand entries are read within a second.
const (
	entryWait = 10 * time.Second
	readWait  = 30 * time.Second
)

// Read returns what is owned now, also by other workers. A ledger that does
// not exist owns nothing. Nobody else has the maps.
func (l *Ledger) Read(ctx context.Context) (Owned, error) {
	if err := l.take(ctx); err != nil {
		return Owned{}, err
	}
	defer l.leave()
	ctx, cancel := context.WithTimeoutCause(ctx, readWait, fmt.Errorf("no answer within %s", readWait))
	defer cancel()
	if err := l.readOn(ctx); err != nil {
		return Owned{}, fmt.Errorf("read %s: %w", l.cfg.Topic, kafka.Explain(err))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owned.clone(), nil
}

// Ensure makes the topic, so that writing is possible.
func (l *Ledger) Ensure(ctx context.Context) error {
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.leave()
	ctx, cancel := context.WithTimeoutCause(ctx, entryWait, fmt.Errorf("no answer within %s", entryWait))
	defer cancel()
	return l.ensure(ctx)
}

func (l *Ledger) ensure(ctx context.Context) error {
	if l.made {
		return nil
	}
	st, err := kafka.EnsureInternalTopic(ctx, kadm.NewClient(l.deps.Client), kafka.InternalTopic{
		Name: l.cfg.Topic, Partitions: 1, ReplicationFactor: l.cfg.ReplicationFactor, ExactPartitions: true,
		ReplicationSetting: "lanes_replication_factor",
	})
	l.made = err == nil
	if st.Created {
		l.deps.Client.PurgeTopicsFromProducing(l.cfg.Topic) // it may remember another of that name
	}
	return err
}

// OwnTopics writes down topics that were just created.
func (l *Ledger) OwnTopics(ctx context.Context, made map[string]OwnedTopic) error {
	entries := make(map[string][]byte, len(made))
	for name, t := range made {
		entries[topicKey(name)] = encodeTopic(t)
	}
	return l.write(ctx, entries)
}

// OwnACLs writes down ACLs that are about to be created.
func (l *Ledger) OwnACLs(ctx context.Context, acls []ACL) error {
	entries := make(map[string][]byte, len(acls))
	for _, a := range acls {
		entries[aclKey(a)] = []byte("{}")
	}
	return l.write(ctx, entries)
}

// forget drops what was deleted, by key.
func (l *Ledger) forget(ctx context.Context, keys []string) error {
	entries := make(map[string][]byte, len(keys))
	for _, k := range keys {
		entries[k] = nil
	}
	return l.write(ctx, entries)
}

// write returns once the cluster has acknowledged every entry.
func (l *Ledger) write(ctx context.Context, entries map[string][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.leave()
	ctx, cancel := context.WithTimeoutCause(ctx, entryWait, fmt.Errorf("no answer within %s", entryWait))
	defer cancel()
	if err := l.ensure(ctx); err != nil {
		return err
	}
	if err := l.deps.Client.ProduceSync(ctx, l.records(entries)...).FirstErr(); err != nil {
		l.made = false
		if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
			// The client holds on to a topic that was deleted and made anew.
			l.deps.Client.PurgeTopicsFromProducing(l.cfg.Topic)
		}
		return fmt.Errorf("write %s: %w", l.cfg.Topic, kafka.Explain(err))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, value := range entries {
		l.apply(key, value)
	}
	return nil
}

// records are in order of their keys, then one that keeps the end of the log:
// if the last records were without value, compaction would remove them some day
// and a reader would wait for ever for the offsets before the end.
func (l *Ledger) records(entries map[string][]byte) []*kgo.Record {
	records := make([]*kgo.Record, 0, len(entries)+1)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		records = append(records, &kgo.Record{Topic: l.cfg.Topic, Key: []byte(key), Value: entries[key]})
	}
	return append(records, &kgo.Record{Topic: l.cfg.Topic, Key: []byte(endKey), Value: []byte("{}")})
}

// readOn takes in what was written since the last time.
func (l *Ledger) readOn(ctx context.Context) error {
	ends, err := kadm.NewClient(l.deps.Client).ListEndOffsets(ctx, l.cfg.Topic)
	if err != nil {
		return err
	}
	end, ok := ends.Lookup(l.cfg.Topic, 0)
	switch {
	case !ok || errors.Is(end.Err, kerr.UnknownTopicOrPartition):
		l.reset()
		l.made = false
		return nil
	case end.Err != nil:
		return end.Err
	case end.Offset < l.next: // deleted and made anew
		l.reset()
	case end.Offset == l.next:
		return nil
	}
	cl, err := l.deps.Open(kgo.FetchMaxWait(100*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.cfg.Topic: {0: kgo.NewOffset().At(l.next)}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	defer cl.PurgeTopicsFromClient(l.cfg.Topic)
	for l.next < end.Offset {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, e := range fetches.Errors() {
			return e.Err
		}
		l.mu.Lock()
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			l.apply(string(r.Key), r.Value)
			l.next = r.Offset + 1
		}
		l.mu.Unlock()
	}
	return nil
}

func (l *Ledger) reset() {
	l.next = 0
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owned = newOwned()
}

// apply takes in one entry. What it does not understand, somebody else wrote:
// nothing is owned by it.
func (l *Ledger) apply(key string, value []byte) {
	if name, ok := strings.CutPrefix(key, topicPrefix); ok {
		if t, ok := decodeTopic(value); ok {
			l.owned.Topics[name] = t
		} else {
			delete(l.owned.Topics, name)
		}
		return
	}
	if a, ok := decodeACL(key); ok {
		if value != nil {
			l.owned.ACLs[a] = true
		} else {
			delete(l.owned.ACLs, a)
		}
	}
}

func (l *Ledger) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", l.cfg.Topic, context.Cause(ctx))
	}
}

func (l *Ledger) leave() { <-l.turn }

// The keys are "topic/NAME" and "acl/" with the ACL as JSON.
const (
	topicPrefix = "topic/"
	aclPrefix   = "acl/"
	endKey      = "end"
)

func topicKey(name string) string { return topicPrefix + name }

func aclKey(a ACL) string {
	b, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("configsync: encode ACL %v: %v", a, err)) // strings and numbers only
	}
	return aclPrefix + string(b)
}

func decodeACL(key string) (a ACL, ok bool) {
	text, ok := strings.CutPrefix(key, aclPrefix)
	return a, ok && json.Unmarshal([]byte(text), &a) == nil && aclKey(a) == key
}

// ownedTopic is the JSON of an [OwnedTopic].
type ownedTopic struct {
	Source string `json:"source"`
	ID     string `json:"id"` // as Kafka's tools write it
}

func encodeTopic(t OwnedTopic) []byte {
	b, err := json.Marshal(ownedTopic{Source: t.Source, ID: uuidText(t.ID)})
	if err != nil {
		panic(fmt.Sprintf("configsync: encode topic %v: %v", t, err)) // strings only
	}
	return b
}

func decodeTopic(b []byte) (OwnedTopic, bool) {
	var j ownedTopic
	if json.Unmarshal(b, &j) != nil {
		return OwnedTopic{}, false
	}
	id, err := base64.RawURLEncoding.DecodeString(j.ID)
	if err != nil || len(id) != len(kadm.TopicID{}) {
		return OwnedTopic{}, false
	}
	return OwnedTopic{Source: j.Source, ID: kadm.TopicID(id)}, true
}

// uuidText is how Kafka's tools write a topic id.
func uuidText(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
