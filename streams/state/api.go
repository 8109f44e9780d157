// Package state has the stores of a stream processor: what processors see of
// them, how they are declared, and how their rows and changelogs are laid out.
//
// A store belongs to one task and is used by that task's goroutine only. Its
// rows are staged in memory and reach the database of the task in one batch,
// when the transaction that they belong to is committed.
package state

import (
	"iter"
	"time"
)

// ReadOnlyKeyValue is a store of one value for each key. An iteration sees the
// store as it was when the loop began, and is over when the loop is left.
type ReadOnlyKeyValue[K, V any] interface {
	// Get is the value of k, and whether there is one.
	Get(k K) (v V, ok bool, err error)
	// Range has the keys from from to to, both included, in the order of the
	// encoded keys. A nil key, where K can be nil, leaves that end open.
	Range(from, to K) iter.Seq2[K, V]
	// RangeReverse is Range from the end.
	RangeReverse(from, to K) iter.Seq2[K, V]
	// All has all keys in the order of the encoded keys.
	All() iter.Seq2[K, V]
	// AllReverse is All from the end.
	AllReverse() iter.Seq2[K, V]
	// ApproxLen is about the number of keys.
	ApproxLen() int64
}

// KeyValue is a store of one value for each key.
type KeyValue[K, V any] interface {
	ReadOnlyKeyValue[K, V]
	// Put makes v the value of k. A nil v, where V can be nil, deletes k.
	Put(k K, v V) error
	// PutIfAbsent puts v only where k has no value, and says what it found.
	PutIfAbsent(k K, v V) (old V, present bool, err error)
	// Delete removes k and says what it had.
	Delete(k K) (old V, present bool, err error)
}

// Timestamped is a value with the time of the record that made it.
type Timestamped[V any] struct {
	Value V
	Time  time.Time
}

// Span is the first and the last instant of a session or a window.
type Span struct {
	Start, End time.Time
}

// At is a key at an instant: a row's place in a window store.
type At[K any] struct {
	Key  K
	Time time.Time
}

// ReadOnlyWindow is a store of values by key and window start. It shows a row
// while its start is later than the newest start that was put, less the
// retention.
type ReadOnlyWindow[K, V any] interface {
	// Get is the value of the window of k that starts at start. In a store that
	// keeps duplicates, the first one.
	Get(k K, start time.Time) (v V, ok bool, err error)
	// Fetch has the windows of k that start from from to to, both included, the
	// earliest first.
	Fetch(k K, from, to time.Time) iter.Seq2[time.Time, V]
	// FetchReverse is Fetch with the latest first.
	FetchReverse(k K, from, to time.Time) iter.Seq2[time.Time, V]
	// FetchAll has the windows of all keys that start from from to to, both
	// included, ordered by start, then by the encoded key.
	FetchAll(from, to time.Time) iter.Seq2[At[K], V]
}

// Window is a store of values by key and window start.
type Window[K, V any] interface {
	ReadOnlyWindow[K, V]
	// Put makes v the value of the window of k that starts at start; in a store
	// that keeps duplicates, one more value. A nil v, where V can be nil, deletes
	// it; in a store that keeps duplicates, where it names none of them, it only
	// takes up a sequence number, as in Kafka. A row that is older than the
	// retention is not kept: its changelog record is written, as Kafka does, and
	// it is counted by Env.Dropped. A start before 1970 is an error.
	Put(k K, v V, start time.Time) error
	// Delete removes the window of k that starts at start; in a store that keeps
	// duplicates, all of its values.
	Delete(k K, start time.Time) error
}

// Observer is what every window and session store is besides: it knows the
// newest window start, or the newest session end, that was put. Only Put moves
// it, so that an operator can still read what a later record will hide before it
// puts that record. False means that nothing was put yet.
type Observer interface {
	Observed() (time.Time, bool)
}

// ReadOnlySession is a store of values by key and session. It shows a session
// while its end is not earlier than the newest end that was put, less the
// retention, so that a session that is just in time for its operator is kept.
type ReadOnlySession[K, V any] interface {
	// Find has the sessions of k that end at earliestEnd or later and start at
	// latestStart or earlier, ordered by end, then by start.
	Find(k K, earliestEnd, latestStart time.Time) iter.Seq2[Span, V]
	// Get is the value of exactly this session.
	Get(k K, s Span) (v V, ok bool, err error)
	// Fetch has all sessions of k, ordered by end, then by start.
	Fetch(k K) iter.Seq2[Span, V]
	// FetchAll has the sessions of all keys that end from from to to, both
	// included, ordered by end, then by start, then by the encoded key.
	FetchAll(from, to time.Time) iter.Seq2[SessionKey[K], V]
}

// SessionKey is a key with one of its sessions.
type SessionKey[K any] struct {
	Key K
	Span
}

// Session is a store of values by key and session.
type Session[K, V any] interface {
	ReadOnlySession[K, V]
	// Put makes v the value of this session. A nil v, where V can be nil, deletes
	// it. A session that ended before the retention is not kept: its changelog
	// record is written, as Kafka does, and it is counted by Env.Dropped. A start
	// before 1970 or after the end is an error.
	Put(k K, s Span, v V) error
	// Delete removes this session.
	Delete(k K, s Span) error
}

// Kind tells stores of different shape apart.
type Kind int

// The kinds of stores.
const (
	KindKeyValue Kind = iota
	KindWindow
	KindSession
	KindRaw // rows and changelog are the business of the operator that declares it
)

// Spec is what the runtime must know of a store.
type Spec struct {
	Kind            Kind
	InMemory        bool              // its rows do not outlive the task
	Changelog       bool              // its writes go to a changelog topic
	ChangelogConfig map[string]string // of that topic, beside what the kind asks for
	Retention       time.Duration     // of windows and sessions
	WindowSize      time.Duration
	Timestamped     bool // each row keeps the time of the record that made it
	Duplicates      bool // a window store that keeps rows of the same key and start

	// ChangelogVersion, if not nil, is the value of the header "v" that the records
	// of the changelog carry, but deletions do not: the version of their format.
	ChangelogVersion []byte
}

// Builder declares a store. The runtime opens one store of it for each task.
// After Resolve, its methods may be called by several goroutines at once, as
// long as no two of them work on the same rows.
type Builder interface {
	Name() string
	Spec() Spec
	// Resolve finds the serdes by type that no option gave; find is given the type
	// and what it is for, and answers with a serde.Serde of that type or nil.
	// An error names the type that has none, or an option or setting that does not
	// fit this kind of store.
	Resolve(find Finder) error
	// Open gives the store on these rows: a KeyValue, Window or Session. From then
	// on the rows change by the store only: open it after they are restored, and
	// open it again when they went back to an earlier state.
	Open(env Env) (any, error)
	// Restore applies one record of the changelog to the rows. A nil value is a
	// deletion. at is the record's timestamp in milliseconds. It reads from the
	// rows what earlier calls wrote to them.
	Restore(rows Rows, key, value []byte, at int64) error
}

// Env is what an open store works with.
type Env struct {
	Rows Rows
	// Topic is the changelog topic, or what it would be called: serdes that want
	// to know the topic are told this one.
	Topic string
	// Log writes to the changelog; a nil value is a deletion; at is the timestamp
	// of the record in milliseconds, -1 leaves it to the producer. The slices are
	// used again after the call. It is nil when the store has no changelog.
	Log func(key, value []byte, at int64) error
	// Time is the timestamp of the record being processed, in milliseconds: what
	// a deletion carries in the changelog, and every record of a store without
	// own timestamps. It is needed with Log only.
	Time func() int64
	// Fail reports an error that an iteration met; the task stops at it.
	Fail func(error)
	// Dropped counts a row that was too old for the store. Window and session
	// stores need it.
	Dropped func()
}

// Rows are the rows of one store, ordered by their bytes.
type Rows interface {
	// Get is the value of a key, which the caller may read until the next call,
	// and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)
	// Put and Delete copy what they are given.
	Put(key, value []byte) error
	Delete(key []byte) error
	// DeleteRange removes the keys from from (included) to to (not included).
	DeleteRange(from, to []byte) error
	// Scan has the rows from from (included) to to (not included; nil is the
	// end), as they are when the loop begins. The slices are valid for one step,
	// also where rows are written or other scans run in it. An error ends the scan
	// and is given with nil slices.
	Scan(from, to []byte, reverse bool) iter.Seq2[Row, error]
	// ApproxLen is about the number of rows.
	ApproxLen() int64
}

// Row is a key with its value.
type Row struct {
	Key, Value []byte
}
