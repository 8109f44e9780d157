// Package configsync makes the topics of a target cluster fit for what is
// copied into them.
//
// [Topics] creates a target topic with the partition count and the topic
// configs of its source, and grows it when the source has grown. It never
// shrinks, deletes or reconfigures what exists, and it may run on several
// workers at once: whoever comes second finds the work done.
//
// [Rules] decides, as a pure function of values, which configs of a source
// topic belong on its copy.
package configsync
