// Package balancer joins a kgo group as streams application. [Balancer] is a
// cooperative kgo.GroupBalancer named mm2-streams: a name of its own, so that a
// group that also holds members of Kafka Streams is refused by the coordinator.
//
// # How a member learns what it has
//
//   - Active partitions: from kgo's OnPartitionsAssigned, OnPartitionsRevoked and
//     OnPartitionsLost, as with any balancer.
//   - Active tasks, standbys, warm-ups, the map of tasks to end points, refusals
//     and the time of a follow-up rebalance: from the user data of the answer,
//     which the balancer decodes (assign.DecodeAssignment) and gives to
//     [Config.OnAssignment]. That call comes before kgo's callbacks of the same
//     answer: what is to be revoked is still owned. A member that turns standby of
//     a task that it ran opens the standby only after it closed the task.
//
// # What the leader does
//
// kgo calls the balancer on the member that the coordinator made leader. It
// refuses members of another topology, asks [Config.Plan] for the tasks, lets
// package assign place them and answers each member in the lowest version that any
// of them speaks.
//
// A task of which another member still owns a partition is not given away in the
// same round, not even in part. Its owner gets an answer without it, revokes and
// joins again, and in that round the task is free. Meanwhile its next member
// holds it as warm-up, so that a store that is open there stays open.
//
// A task is also kept back as long as its member's client has not found all topics
// that the task reads, such as those that Plan has just made: a client that is
// given partitions of a topic before it found it assigns them twice. The answer
// names these topics in Unseen; kgo.Client.ForceMetadataRefresh makes the client
// look at once, and it joins again when it finds one.
//
// A refusal takes nothing away: the member keeps its partitions until it has
// committed, closed its tasks and left. Members of another topology are refused
// alone, everything else is told to all.
//
// If the leader itself runs another topology than the members who own partitions,
// it can't plan for them: they keep what they have, and the leader is refused. It
// leaves, and one of them becomes leader.
//
// A static member that restarts within its session gets its old answer from the
// coordinator without a rebalance; the balancer is not asked.
package balancer
