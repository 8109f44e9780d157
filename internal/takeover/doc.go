// Package takeover lets a flow go on where a Java MirrorMaker 2 stood, and lets
// Java go on where mm2 stands.
//
// Java keeps its source offsets in a topic on the target, one record for each
// source partition ([AppendKey], [Value]). A [TakeOver] sees to it that
// Java's workers are gone ([TakeOver.Guard]), ends their transactions, reads
// where they stood ([TakeOver.Resume]) and keeps their topic current in the
// transactions of the data ([TakeOver.Records]), so that there is nothing to
// convert on the way there or back.
//
// It does nothing where Java's topic is not there, and never makes it. It does
// not find out what Java had copied but not yet noted in its topic: what that
// can be is logged.
package takeover
