package streams

import (
	"context"
	"fmt"

	"mm2/streams/internal/runtime"
)

// Location is where a partition of a store is, by the last rebalance.
type Location = runtime.Location

// Lag is how far a copy of a store is behind its changelog.
type Lag = runtime.Lag

// Locate says which instances have the rows of a key, by the end points that they
// were given as Config.ApplicationServer. The key is one of the store's: of window
// and session stores without the window. Its partition is the one that Kafka's
// default partitioner chooses; for topics that others partition, ask
// LocatePartition. A global store is in every instance, and the answer is this
// one.
//
// Ask again when a query of that instance says ErrNotRunning or ErrStoreMoved:
// tasks move before everybody knows. Partition counts are asked of the brokers
// now and then, until ctx ends. The error may be ErrStoreNotFound or
// ErrNotRunning.
func (a *App) Locate(ctx context.Context, store string, key any) (Location, error) {
	at, err := a.app.Locate(ctx, store, key)
	if err != nil {
		return at, fmt.Errorf("locate a key of store %q: %w", store, err)
	}
	return at, nil
}

// LocatePartition says which instances have a partition of a store, as Locate.
func (a *App) LocatePartition(store string, partition int32) (Location, error) {
	at, err := a.app.LocatePartition(store, partition)
	if err != nil {
		return at, fmt.Errorf("locate partition %d of store %q: %w", partition, store, err)
	}
	return at, nil
}

// StoreLags is how far the copies of stores in this instance are behind their
// changelogs, by store and partition: those of tasks that are being restored, and
// those that are kept for tasks that run elsewhere. Running tasks are at the end.
// Stores without a changelog, and global ones, are not in it. The ends are asked
// of the brokers until ctx ends.
func (a *App) StoreLags(ctx context.Context) (map[string]map[int32]Lag, error) {
	return a.app.StoreLags(ctx)
}
