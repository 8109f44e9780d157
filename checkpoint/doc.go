// Package checkpoint carries the positions of consumer groups over a flow: it
// follows what groups of the source commit, translates it to the copies, writes
// checkpoints in the format of Java MirrorMaker 2 and commits the translated
// positions on the target for groups that are not in use there.
package checkpoint
