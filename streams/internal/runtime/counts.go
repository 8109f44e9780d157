package runtime

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// partitionCounts remembers how many partitions topics have, for functions that
// choose one.
type partitionCounts struct {
	mu    sync.Mutex // guards known
	known map[string]partitionCount
}

type partitionCount struct {
	n  int32
	at time.Time
}

// countAge is how old a count may be: as old as the metadata of Kafka's clients.
const countAge = 5 * time.Minute

func (a *App) partitions(ctx context.Context, topic string) (int32, error) {
	c := &a.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[topic]; ok && time.Since(known.at) < countAge {
		return known.n, nil
	}
	found, err := a.partitionsOf(ctx, topic)
	if err != nil {
		return 0, err
	}
	n := found[topic]
	if n == 0 {
		return 0, fmt.Errorf("choose a partition of %s: the topic does not exist; create it", topic)
	}
	if c.known == nil {
		c.known = make(map[string]partitionCount)
	}
	c.known[topic] = partitionCount{n, time.Now()}
	return n, nil
}
