// Package assign decides which member of a streams group runs which task, and
// holds the bytes in which members and leader tell each other about it. It does
// no I/O.
//
// [Compute] takes tasks, members and a [Config] and gives a [Plan]. A process is
// one instance of the application; its members are its threads. For every input:
//
//   - each task is active on exactly one member;
//   - no process holds a task twice, as active, standby or warm-up;
//   - each stateful task has min(Standbys, processes-1) standbys beside warm-ups;
//   - equal input, in any order, gives an equal plan.
//
// The ideal plan spreads stateful tasks evenly over all threads and leaves as many
// as that allows where they are, or where their state is. A task whose ideal
// process lags too far stays where most of its state is, while the ideal process
// warms a copy up; the plan then asks for a follow-up rebalance. When all warm-ups
// have caught up, the plan is the ideal one and asks for none, unless end offsets
// are unknown. Active tasks then differ by at most one between any two threads.
//
// [Metadata] is what a member says when it joins; [Assignment] is what the leader
// answers. Both start with a version and the lowest version that can read them,
// so that older members read what newer ones write.
package assign
