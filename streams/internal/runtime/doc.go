// Package runtime runs a topology: threads with their clients, the life of their
// tasks, commits, restores and global stores. [New] checks the configuration,
// [App.Run] blocks until the application is asked to stop or fails.
//
// # A thread
//
// A thread is one goroutine with a group consumer, a producer and a restorer,
// which is a second goroutine with a consumer of its own. The three live and end
// together: what cannot be set right within one commit ends the incarnation of
// the thread. Its tasks are closed without a commit, what was staged is dropped,
// its transaction is aborted, and a new incarnation with new clients begins from
// what was committed. So there is one way back, and it is the way of a crash.
//
// Tasks belong to whoever holds the thread's mutex: the round, or a callback of
// the group, which kgo calls between two rounds only.
//
// # What a crash leaves
//
// At-least-once commits in this order: produced records are acknowledged, rows
// are written, offsets are committed. A crash in between lets the next owner
// process records again, on top of rows that may know them already.
//
// Exactly-once commits outputs, changelogs and offsets in one transaction, and
// writes rows after it. A crash before the end of the transaction leaves nothing;
// one after it leaves rows that are behind their changelog, from which the next
// owner reads the rest. Rows are never ahead, so nothing is wiped after a crash.
package runtime
