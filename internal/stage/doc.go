// Package stage looks at records on their way through a flow: it leaves records
// out (Filter), sends them to another topic (Route), and hides what the target
// must not know (Mask).
//
// A [Config] is one stage as declared. [Compile] makes a [Chain] of them, which is
// shared by the lanes of a flow and counts what is committed; [Chain.Lane] is the
// pipeline.Stage of one lane.
//
// A chain keeps nothing between batches, so there is nothing to restore after a
// crash: what a lane reads again it treats again, in the transaction that makes
// it visible. A record that a stage cannot read is never passed on as it is: the
// batch fails with a pipeline.RefusedError that names it, and the flow's policy
// for refused records decides.
package stage
