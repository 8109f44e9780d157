package kafka

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/pipeline"
)

// Mark is where a source partition resumes. It is stored as JSON; what is empty
// is left out, and people and older versions may write it without.
type Mark struct {
	Offset  int64  `json:"offset"`          // next source offset
	Epoch   int32  `json:"epoch"`           // leader epoch of the last record; -1 unknown
	TopicID string `json:"topic,omitempty"` // topic id, base64; empty on brokers without

	TargetID string `json:"target,omitempty"` // topic id of the copy, base64
	// End is an end that the copy is known to have had: it is never shorter.
	End int64 `json:"end,omitempty"`
	// Generation counts how often the copy was begun anew, or went on with
	// another topic: source offsets of different generations have nothing to do
	// with each other.
	Generation int32 `json:"generation,omitempty"`
	// Empty is the offset before which the copy has to be emptied before
	// anything is copied.
	Empty int64 `json:"empty,omitempty"`
	// Lost are the source offsets given up so far; see Trouble.Lost.
	Lost map[Kind]int64 `json:"lost,omitempty"`
	// Held is why the partition waits for a person, where that cannot be seen
	// by looking again.
	Held *Held `json:"held,omitempty"`
}

// Held is trouble that was found once and stays until a person acts.
type Held struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"`
	Lost int64  `json:"lost,omitempty"`
}

// MarkKey is the key under which a partition's mark is stored.
func MarkKey(p pipeline.Partition) string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// MarkPartition is the partition that a key is the mark of; false if it is no
// mark's.
func MarkPartition(key string) (pipeline.Partition, bool) {
	topic, number, ok := strings.Cut(key, "/") // no topic name contains a slash
	n, err := strconv.ParseInt(number, 10, 32)
	if !ok || err != nil || topic == "" || n < 0 {
		return pipeline.Partition{}, false
	}
	return pipeline.Partition{Topic: topic, Partition: int32(n)}, true
}

func (m Mark) encode() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode mark %+v: %v", m, err)) // numbers and strings
	}
	return string(b)
}

// lose adds to what was given up. It leaves the old mark's map alone.
func (m *Mark) lose(k Kind, n int64) {
	if n <= 0 {
		return
	}
	lost := maps.Clone(m.Lost)
	if lost == nil {
		lost = map[Kind]int64{}
	}
	lost[k] += n
	m.Lost = lost
}

// adopt takes over the ids of the topics as they are now, as far as known.
func (m *Mark) adopt(a Assigned) {
	if id := topicID(a.TopicID); id != "" {
		m.TopicID = id
	}
	if id := topicID(a.TargetID); id != "" {
		m.TargetID = id
	}
}

func topicID(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return id.String()
}
