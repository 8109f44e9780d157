package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The meta rows that stand beside the rows of stores.
const (
	metaFormat   = "format"
	metaTopology = "app/topology"
	metaOffset   = "offset/" // then topic, "/", partition
)

// layoutFormat is how keys and meta rows are laid out. Another layout gets
// another number, and an older program then does not touch it.
const layoutFormat = 1

// ErrLayout marks rows that were written for another topology or in another
// format: they mean nothing here. Whoever owns the DB removes it and fills a new
// one from the changelogs.
var ErrLayout = errors.New("the store's rows have another layout")

// Meta are rows of a DB that belong to no store. A nil value deletes one.
type Meta map[string][]byte

// SetOffset says that the rows have the records of a changelog up to, but not
// including, this offset.
func (m Meta) SetOffset(topic string, partition int32, next int64) {
	m[offsetKey(topic, partition)] = binary.BigEndian.AppendUint64(nil, uint64(next))
}

// DeleteOffset takes a changelog out of those that the rows have records of.
func (m Meta) DeleteOffset(topic string, partition int32) {
	m[offsetKey(topic, partition)] = nil
}

func offsetKey(topic string, partition int32) string {
	return metaOffset + topic + "/" + strconv.FormatInt(int64(partition), 10)
}

// appendTo appends the changes in the order of their keys: same rows, same
// batch.
func (m Meta) appendTo(changes []Change) []Change {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		c := Change{Op: OpPut, Key: metaKey(name), Value: m[name]}
		if c.Value == nil {
			c.Op = OpDelete
		}
		changes = append(changes, c)
	}
	return changes
}

func metaKey(name string) []byte {
	return append(make([]byte, spaceBytes, spaceBytes+len(name)), name...)
}

// Meta is the meta row of this name as the last commit left it.
func (s *Staged) Meta(name string) (value []byte, ok bool, err error) {
	value, ok, err = s.db.Get(metaKey(name))
	if err != nil {
		return nil, false, fmt.Errorf("read meta row %q: %w", name, err)
	}
	return value, ok, nil
}

// Offset is how far the rows of the last commit have the records of a
// changelog: the offset after the last one, and whether there is one. One that
// is not an offset gives an error that is ErrCorrupt.
func (s *Staged) Offset(topic string, partition int32) (next int64, ok bool, err error) {
	value, ok, err := s.Meta(offsetKey(topic, partition))
	if err != nil || !ok {
		return 0, false, err
	}
	next, err = decodeOffset(value)
	if err != nil {
		return 0, false, fmt.Errorf("offset of changelog %s, partition %d: %w", topic, partition, err)
	}
	return next, true, nil
}

func decodeOffset(value []byte) (int64, error) {
	if len(value) != 8 || value[0]&0x80 != 0 {
		return 0, fmt.Errorf("%x is no offset: %w", value, ErrCorrupt)
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// Changelog is a partition of a changelog and the offset up to which, not
// included, its records are in the rows.
type Changelog struct {
	Topic     string
	Partition int32
	Next      int64
}

// Offsets are all changelogs that the rows of the last commit have records of,
// ordered by topic.
func (s *Staged) Offsets() ([]Changelog, error) {
	var found []Changelog
	from := metaKey(metaOffset)
	to := slices.Clone(from)
	to[len(to)-1]++
	for row, err := range s.db.Scan(from, to, false) {
		if err != nil {
			return nil, fmt.Errorf("read offsets of changelogs: %w", err)
		}
		c, err := decodeChangelog(string(row.Key[len(from):]), row.Value)
		if err != nil {
			return nil, fmt.Errorf("read offsets of changelogs: %w", err)
		}
		found = append(found, c)
	}
	return found, nil
}

func decodeChangelog(name string, value []byte) (Changelog, error) {
	topic, number, _ := strings.Cut(name, "/")
	partition, err := strconv.ParseInt(number, 10, 32)
	if topic == "" || err != nil || partition < 0 || offsetKey(topic, int32(partition)) != metaOffset+name {
		return Changelog{}, fmt.Errorf("meta row %q names no changelog: %w", metaOffset+name, ErrCorrupt)
	}
	next, err := decodeOffset(value)
	return Changelog{Topic: topic, Partition: int32(partition), Next: next}, err
}

// Verify checks that the rows were written in this format and for a topology
// of this fingerprint, which stands for which store has which number. Rows of
// another kind give an error that is ErrLayout. An empty DB gets both facts with
// the next commit. It is called before the first commit.
func (s *Staged) Verify(fingerprint string) error {
	want := Meta{metaFormat: binary.BigEndian.AppendUint32(nil, layoutFormat), metaTopology: []byte(fingerprint)}
	empty := true
	for _, err := range s.db.Scan(nil, nil, false) {
		if err != nil {
			return fmt.Errorf("look for rows: %w", err)
		}
		empty = false
		break
	}
	if empty {
		s.missing = want
		return nil
	}
	for _, name := range []string{metaFormat, metaTopology} {
		got, ok, err := s.Meta(name)
		if err != nil {
			return err
		}
		if !ok || string(got) != string(want[name]) {
			return fmt.Errorf("meta row %q is %q, here it is %q: %w", name, got, want[name], ErrLayout)
		}
	}
	return nil
}
