package replicator

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/kafka"
)

// letters is the flow's dead letter topic, made when it is first needed.
type letters struct {
	topic             string
	replicationFactor int16

	mu    sync.Mutex // guards found
	found kafka.DeadLetters
}

func (l *letters) ensure(ctx context.Context, target *kadm.Client) (kafka.DeadLetters, error) {
	found, err := kafka.EnsureDeadLetters(ctx, target, l.topic, l.replicationFactor)
	if err != nil {
		return found, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = found
	return found, nil
}

// maxBatch is the largest batch that the topic takes if it is the dead letter
// topic, or 0.
func (l *letters) maxBatch(topic string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if topic == l.found.Topic {
		return l.found.MaxBytes
	}
	return 0
}
