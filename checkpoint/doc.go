// Package checkpoint turns source positions into target positions and keeps
// idle groups in step.
//
// [OffsetSync] and [Checkpoint] are the records of Java MirrorMaker 2, byte for
// byte. A [SyncWriter] watches the commits of a worker's lanes and writes
// offset syncs; a [SyncStore] translates by those that it is fed, as Java does,
// and a [SyncFollower] feeds one from the topic. [ReadCheckpoints] and
// [RemoteOffsets] read what groups' positions were translated to.
//
// An [Index] is the exact map of offsets, as the lanes' [SegmentWriter]s commit
// it together with the records. A [Task] follows what groups of the source
// commit, translates it, writes checkpoints and commits the translated positions
// on the target for groups that are not in use there.
//
// No tombstone is ever written to a topic that Java reads: one of them breaks
// every Java client of the topic. An entry that is no longer needed stays.
package checkpoint
